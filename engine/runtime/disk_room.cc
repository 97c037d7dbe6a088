// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/disk_room.h"

#include <string>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/base/strings.h"

namespace penstock::runtime {

async::Task<void> DiskRoom::Make() {
  Status room = store_.CheckRoom();
  if (room.code() != StatusCode::kResourceExhausted) co_return room;
  const auto turn = co_await one_.Acquire(limits::kRoomWait);
  if (!turn.ok()) co_return room;
  std::size_t released = 0;
  for (;;) {
    room = store_.CheckRoom();
    if (room.code() != StatusCode::kResourceExhausted) break;
    // The room that this makes is there at the latest when the next one has ended.
    const auto batch = co_await store_.ReleaseRetained(Time::max(), limits::kReleaseBatch);
    if (!batch.ok() || *batch == 0) {
      room = store_.CheckRoom();
      break;
    }
    released += *batch;
  }
  if (released > 0) {
    Log(LogLevel::kWarning, "retained_content_released",
        {{"contents", Cat(released)}, {"reason", "short of disk"}});
  }
  co_return room;
}

}  // namespace penstock::runtime
