// SPDX-License-Identifier: Apache-2.0
// Why a gRPC server cannot be reached: gRPC 1.51 says "failed to connect to all addresses" to a
// wrong name, a wrong authority, an expired certificate and plain text alike. One more connection
// of our own, made the same way, tells which it is.
#pragma once

#include <memory>
#include <string>

#include "engine/async/endpoint.h"
#include "engine/async/stream.h"
#include "engine/async/task.h"
#include "engine/async/tls_context.h"

namespace penstock::async {

// Returns why TLS as configured, or plain text if `tls` is null, does not come to a connection with
// `endpoint`, such as "127.0.0.1:50051: its certificate expired on …". Empty: nothing is wrong with
// that, or nobody is there; gRPC's own words are as good then.
// `server_name`: that the certificate must carry; empty: the endpoint's host, "localhost" for a
// unix socket. On the caller's strand; ends by `deadline`.
asio::awaitable<std::string> WhyNoConnection(Endpoint endpoint, std::shared_ptr<TlsContext> tls,
                                             std::string server_name, Deadline deadline);

}  // namespace penstock::async
