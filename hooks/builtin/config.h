// SPDX-License-Identifier: Apache-2.0
// The configuration of penstock-hooks: read, checked, and made into hooks.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "hooks/builtin/mail_hook.h"

#include "penstock/v1/builtin_hooks.pb.h"

namespace penstock::builtin {

using HookMap = std::map<std::string, std::shared_ptr<MailHook>, std::less<>>;  // by name

struct LoadedConfig {
  v1::BuiltinHooksConfig config;  // with defaults, absolute paths
  HookMap hooks;                  // not started
};

// Reads the file at `path`. Errors: kNotFound; kInvalidArgument, one line for each fault:
// "hooks.yaml:7:5: hooks[0].disclaimer.top.text: missing; expected …".
//   `before`: what a reload takes the place of; hooks that it does not change go on.
StatusOr<LoadedConfig> LoadConfig(const std::string& path, const LoadedConfig* before = nullptr);

// The same for a file's text.
StatusOr<LoadedConfig> ParseConfig(std::string_view text, const std::string& path,
                                   const LoadedConfig* before = nullptr);

}  // namespace penstock::builtin
