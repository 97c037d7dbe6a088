// SPDX-License-Identifier: Apache-2.0
// Hands a failed Status to the caller. The CO_ forms are for coroutines: await first, into a named
// variable, then use them on the result.
#pragma once

#include <utility>

#include "engine/base/status.h"

#define PENSTOCK_STATUS_CONCAT_INNER(a, b) a##b
#define PENSTOCK_STATUS_CONCAT(a, b) PENSTOCK_STATUS_CONCAT_INNER(a, b)

#define PENSTOCK_RETURN_IF_ERROR(expression)           \
  do {                                                 \
    ::penstock::Status penstock_status = (expression); \
    if (!penstock_status.ok()) return penstock_status; \
  } while (false)

#define PENSTOCK_CO_RETURN_IF_ERROR(expression)           \
  do {                                                    \
    ::penstock::Status penstock_status = (expression);    \
    if (!penstock_status.ok()) co_return penstock_status; \
  } while (false)

#define PENSTOCK_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  target = *std::move(result)

#define PENSTOCK_ASSIGN_OR_RETURN(target, expression)                                         \
  PENSTOCK_ASSIGN_OR_RETURN_INNER(PENSTOCK_STATUS_CONCAT(penstock_result_, __LINE__), target, \
                                  expression)

#define PENSTOCK_CO_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                          \
  if (!result.ok()) co_return std::move(result).status();              \
  target = *std::move(result)

#define PENSTOCK_CO_ASSIGN_OR_RETURN(target, expression)                                         \
  PENSTOCK_CO_ASSIGN_OR_RETURN_INNER(PENSTOCK_STATUS_CONCAT(penstock_result_, __LINE__), target, \
                                     expression)
