// SPDX-License-Identifier: Apache-2.0
// How a hook fares, in cells of a table.
#pragma once

#include <string>

#include "penstock/v1/status.pb.h"

namespace penstock::cli {

// "up", "down"; "not called" where the daemon has not called it yet.
std::string StateText(const v1::HookStatus& status);

// Attempts a second, of late: "12", "0.5"; "0" for none.
std::string RateText(const v1::HookStatus& status);

// "12ms", "<1ms" for less than can be told; "-" where there is none.
std::string QuantileText(bool has, const google::protobuf::Duration& quantile);

// What went wrong last, and when; empty if nothing did.
std::string LastErrorText(const std::string& error, const google::protobuf::Timestamp& time);

}  // namespace penstock::cli
