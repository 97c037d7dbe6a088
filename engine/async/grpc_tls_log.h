// SPDX-License-Identifier: Apache-2.0
// Says in our log why a TLS handshake of gRPC's has failed. gRPC 1.51 closes such a connection
// without an alert, so who connects learns nothing, and its own log does not say what is wrong with
// a certificate.
#pragma once

namespace penstock::async {

// From here on each failure is a line "tls_refused" with `why`, one a second at most: `more` counts
// those between. gRPC's other lines go nowhere. To be called once, before there is any TLS, and
// after SetLogSink.
void LogRefusedHandshakes();

}  // namespace penstock::async
