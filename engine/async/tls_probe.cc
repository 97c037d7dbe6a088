// SPDX-License-Identifier: Apache-2.0
#include "engine/async/tls_probe.h"

#include <array>
#include <span>
#include <utility>

#include "engine/base/strings.h"

namespace penstock::async {
namespace {

// Whether a server that plain text is for answers in TLS.
asio::awaitable<std::string> ProbePlain(Stream& stream, Deadline deadline) {
  auto tls = TlsContext::Open("probe", TlsRole::kClient, {});
  if (!tls.ok()) co_return std::string();
  TlsHandshake handshake;
  handshake.http2 = true;
  const auto facts = co_await stream.StartTls(*std::move(tls), std::move(handshake), deadline);
  const std::string_view why = facts.ok() ? std::string_view() : Message(facts.status());
  // A refusal by an alert is TLS as well.
  const bool answers_in_tls = facts.ok() || why.find("wants a certificate") != std::string::npos ||
                              why.find("refused the handshake") != std::string::npos ||
                              why.find("in common") != std::string::npos;
  co_return answers_in_tls ? "it speaks TLS, and plain text is configured" : "";
}

// A server may say no more than no; what is wrong on our side is seen here.
std::string WhyOursIsRefused(const TlsMaterial& ours) {
  if (ours.warnings.empty()) return "does that come from an authority it knows?";
  return Join(ours.warnings, "; ");
}

asio::awaitable<std::string> ProbeTls(Stream& stream, std::shared_ptr<TlsContext> tls,
                                      std::string server_name, Deadline deadline) {
  TlsHandshake handshake;
  handshake.check = PeerCheck::kDemand;
  handshake.peer_name = std::move(server_name);
  handshake.http2 = true;
  const bool has_certificate = !tls->files().certificate_file.empty();
  const auto facts = co_await stream.StartTls(tls, std::move(handshake), deadline);
  if (!facts.ok()) co_return std::string(Message(facts.status()));
  // With TLS 1.3 a server judges our certificate after our side of the handshake is done. One that
  // is content begins to speak HTTP/2.
  std::array<char, 64> buffer{};
  const auto octets = co_await stream.Read(buffer, deadline);
  if (octets.ok() && *octets > 0) {
    co_return facts->http2 ? "" : "it speaks TLS, but no HTTP/2";
  }
  if (octets.status().code() == StatusCode::kDeadlineExceeded) co_return std::string();
  if (!facts->certificate_asked) co_return "it closed the connection after the TLS handshake";
  if (!has_certificate) co_return "it asks for a client certificate, and none is configured";
  co_return Cat("it has refused our client certificate; ", WhyOursIsRefused(*tls->material()));
}

}  // namespace

asio::awaitable<std::string> WhyNoConnection(Endpoint endpoint, std::shared_ptr<TlsContext> tls,
                                             std::string server_name, Deadline deadline) {
  const auto addresses = co_await Resolve(endpoint);
  if (!addresses.ok()) co_return std::string();
  if (server_name.empty()) {
    server_name = endpoint.unix_path.empty() ? endpoint.host : std::string("localhost");
  }
  for (const SocketAddress& address : *addresses) {
    auto stream = co_await Stream::Connect(address, deadline);
    if (!stream.ok()) continue;
    std::string why;
    if (tls == nullptr) {
      why = co_await ProbePlain(**stream, deadline);
    } else {
      why = co_await ProbeTls(**stream, tls, server_name, deadline);
    }
    if (!why.empty()) co_return Cat(ToString(address), ": ", why);
  }
  co_return std::string();
}

}  // namespace penstock::async
