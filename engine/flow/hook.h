// SPDX-License-Identifier: Apache-2.0
// A registered hook: where it is, how it is called, and who may call it (SPEC H, P1, P3). Plain
// data; hooks/client calls it.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/rules/flow_rule.h"

namespace penstock::flow {

// One statement of a hook's policy (P1).
struct Permission {
  std::string statement_id;  // unique within the hook
  std::string organization;  // the principal
  bool invoke = true;        // its rules may call the hook
  bool read = false;         // the hook may read the content of the message it is called for
  bool replace = false;      // the hook may replace it
  bool inbound = true;       // for messages of this direction
  bool outbound = true;
  friend bool operator==(const Permission&, const Permission&) = default;
};

// TLS to a hook (P3). Files are PEM; an empty name takes the default.
struct HookTls {
  std::string ca_file;           // default: the system's authorities
  std::string certificate_file;  // ours, for hooks that ask; together with key_file
  std::string key_file;
  std::string server_name;  // that the hook's certificate must carry; default: the target's host
  friend bool operator==(const HookTls&, const HookTls&) = default;
};

struct Hook {
  std::string name;     // unique within the installation
  std::string target;   // gRPC name: "127.0.0.1:50051", "dns:///host:port", "unix:/path"
  bool json = false;    // the request carries the event's JSON text as well (E7)
  bool stream = false;  // called by HookStreamService, if it offers that
  std::chrono::milliseconds sync_deadline = limits::kSyncCallDeadline;    // of a SYNC call, H2
  std::chrono::milliseconds async_deadline = limits::kAsyncCallDeadline;  // of an ASYNC call, H2
  std::size_t max_concurrent_calls = limits::kHookCallsMax;               // H13
  std::size_t async_queue_max = limits::kAsyncQueueMax;                   // H12
  std::size_t dead_letters_max = limits::kDeadLettersMax;                 // H12
  int async_retries = limits::kAsyncRetriesDefault;                       // H12
  std::map<std::string, std::string> labels;                              // not interpreted
  std::string description;                                                // not interpreted
  bool plain_text_allowed = false;  // beyond loopback and unix sockets (P3)
  std::optional<HookTls> tls;       // unset: plain text
  std::vector<Permission> permissions;
  friend bool operator==(const Hook&, const Hook&) = default;
};

// Whether rules of `organization` may call `hook` for messages of `direction` (P1): some statement
// grants it.
bool MayInvoke(const Hook& hook, std::string_view organization, rules::FlowDirection direction);

// The same for reading and for replacing content; either needs the right to be called as well.
bool MayRead(const Hook& hook, std::string_view organization, rules::FlowDirection direction);
bool MayReplace(const Hook& hook, std::string_view organization, rules::FlowDirection direction);

// Whether `target` is a gRPC name of a form that we take.
bool IsTarget(std::string_view target);

// Whether no octet to `target` leaves this machine: unix sockets, 127.0.0.0/8, ::1, localhost. Of
// several addresses all must be so.
bool IsLocalTarget(std::string_view target);

// Checks everything about a hook that needs no other resource: names, target, plain text beyond
// loopback (P3), bounds, permissions. Errors: kInvalidArgument naming field and offending text.
Status Validate(const Hook& hook);
Status Validate(const Permission& permission);

}  // namespace penstock::flow
