// SPDX-License-Identifier: Apache-2.0
// Writes each event of tests/data/wire/json_mapping.json in both of its forms, as the engine sends
// them: N.pb, the typed event, and N.workmail.json, the WorkMail JSON. Argument: the folder.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/base/strings.h"
#include "engine/flow/event.h"
#include "engine/wire/convert_hook_call.h"
#include "engine/wire/event_json.h"
#include "tests/support/vectors.h"

#include "penstock/v1/hook.pb.h"

namespace {

using penstock::Cat;

bool Write(const std::filesystem::path& path, const std::string& octets) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << octets;
  return out.flush().good();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder = argv[1];
  int number = 0;
  for (const auto& vector : penstock::tests::LoadVectors("wire/json_mapping.json")) {
    const auto event = penstock::wire::ParseEventJson(vector.input.dump());
    if (!event.ok()) {
      std::fprintf(stderr, "%s: %s\n", vector.name.c_str(), event.status().ToString().c_str());
      return 1;
    }
    std::string workmail;
    penstock::flow::AppendJson(workmail, *event);
    const std::string typed = penstock::wire::ToProto(*event).SerializeAsString();
    if (!Write(folder / Cat(number, ".workmail.json"), workmail) ||
        !Write(folder / Cat(number, ".pb"), typed)) {
      std::fprintf(stderr, "cannot write below %s\n", argv[1]);
      return 1;
    }
    ++number;
  }
  return 0;
}
