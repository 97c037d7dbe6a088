// SPDX-License-Identifier: Apache-2.0
// What a C program hands in, as engine.h has it. A structure may be of an earlier version, and so
// smaller: what it has not got is its default.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "engine/embed/engine.h"
#include "engine/embed/penstock.h"

namespace penstock::embed {

std::string TextOf(const char* text);

// Null, or a wrong size: kInvalidArgument.
Result<Mail> GivenMail(const penstock_mail* given);
Result<DecideOptions> GivenOptions(const penstock_decide_options* given);  // null: the defaults

// `to_deliver`: what a next hop's function and its data make.
using ToDeliver = std::function<Deliver(penstock_deliver, void*)>;
Result<EngineOptions> GivenEngineOptions(const penstock_options* given,
                                         const ToDeliver& to_deliver);

}  // namespace penstock::embed
