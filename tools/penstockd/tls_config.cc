// SPDX-License-Identifier: Apache-2.0
#include "tools/penstockd/tls_config.h"

#include <string_view>
#include <utility>

#include "engine/async/endpoint.h"
#include "engine/base/strings.h"

namespace penstock::daemon {
namespace {

namespace fs = std::filesystem;

// The words of engine/async/tls_files.h begin with the name of a file; what a configuration calls
// authorities depends on whose they are.
Finding ToFinding(std::string_view path, std::string_view ca_field, std::string_view text) {
  const std::size_t colon = text.find(": ");
  const std::string_view file = text.substr(0, colon);
  return {Cat(path, ".", file == "ca_file" ? ca_field : file),
          std::string(text.substr(colon == std::string_view::npos ? 0 : colon + 2))};
}

void CheckFiles(std::string_view path, std::string_view ca_field, const async::TlsFiles& files,
                TlsFindings& findings) {
  const auto material = async::ReadTlsFiles(files);
  if (!material.ok()) {
    findings.faults.push_back(ToFinding(path, ca_field, Message(material.status())));
    return;
  }
  for (const std::string& warning : material->warnings)
    findings.warnings.push_back(ToFinding(path, ca_field, warning));
}

void CheckServer(std::string_view path, const v1::ServerTls& tls, TlsFindings& findings) {
  if (tls.certificate_file().empty()) {
    findings.faults.push_back(
        {Cat(path, ".certificate_file"), "missing; expected the file of a certificate"});
    return;
  }
  CheckFiles(path, "client_ca_file", ToTlsFiles(tls), findings);
}

void CheckAdmin(const v1::AdminConfig& admin, TlsFindings& findings) {
  if (admin.listen().empty()) {
    if (admin.has_tls()) {
      findings.faults.push_back({"admin.tls", "without admin.listen it has no use"});
    }
    return;
  }
  const auto endpoint = async::Endpoint::Parse(admin.listen());
  if (!endpoint.ok()) {
    findings.faults.push_back({"admin.listen", std::string(Message(endpoint.status()))});
  } else if (!endpoint->unix_path.empty()) {
    findings.faults.push_back({"admin.listen", "is for TCP; a unix socket is admin.socket"});
  }
  if (admin.tls().client_ca_file().empty()) {
    findings.faults.push_back({"admin.tls.client_ca_file",
                               "missing; over TCP administrators must show a certificate: expected "
                               "the file of the authority that certifies them"});
  }
  CheckServer("admin.tls", admin.tls(), findings);
}

void CheckListener(const std::string& path, const v1::Listener& listener, TlsFindings& findings) {
  const bool none = listener.starttls() == v1::Listener::NONE ||
                    listener.starttls() == v1::Listener::START_TLS_UNSPECIFIED;
  if (listener.has_tls()) {
    CheckServer(path + ".tls", listener.tls(), findings);
  } else if (!none) {
    findings.faults.push_back({path + ".tls", "missing; expected certificate_file and key_file"});
  }
}

void CheckNextHop(const std::string& path, const v1::SmtpNextHop& smtp, TlsFindings& findings) {
  CheckFiles(path + ".tls", "ca_file", ToTlsFiles(smtp.tls()), findings);
  if (smtp.has_tls() && smtp.starttls() == v1::SmtpNextHop::NONE) {
    findings.faults.push_back({path + ".tls", "without STARTTLS it has no use"});
  }
  if (smtp.starttls() == v1::SmtpNextHop::VERIFY) return;
  for (const auto& [field, value] : {std::pair("ca_file", &smtp.tls().ca_file()),
                                     std::pair("server_name", &smtp.tls().server_name())}) {
    if (!value->empty()) {
      findings.faults.push_back(
          {Cat(path, ".tls.", field), "is for `starttls: verify`; without it nothing is checked"});
    }
  }
}

}  // namespace

async::TlsFiles ToTlsFiles(const v1::ServerTls& tls) {
  return {tls.certificate_file(), tls.key_file(), tls.client_ca_file()};
}

async::TlsFiles ToTlsFiles(const v1::ClientTls& tls) {
  return {tls.certificate_file(), tls.key_file(), tls.ca_file()};
}

void MakeTlsPathsAbsolute(const fs::path& folder, v1::Config& config) {
  const auto make_absolute = [&folder](std::string* path) {
    if (!path->empty()) *path = (folder / *path).lexically_normal().string();
  };
  const auto of_server = [&make_absolute](v1::ServerTls* tls) {
    make_absolute(tls->mutable_certificate_file());
    make_absolute(tls->mutable_key_file());
    make_absolute(tls->mutable_client_ca_file());
  };
  if (config.admin().has_tls()) of_server(config.mutable_admin()->mutable_tls());
  if (config.content_api().has_tls()) of_server(config.mutable_content_api()->mutable_tls());
  for (auto& listener : *config.mutable_listeners()) {
    if (listener.has_tls()) of_server(listener.mutable_tls());
  }
  for (auto& next_hop : *config.mutable_next_hops()) {
    if (!next_hop.smtp().has_tls() && !next_hop.lmtp().has_tls()) continue;
    auto* server = next_hop.has_lmtp() ? next_hop.mutable_lmtp() : next_hop.mutable_smtp();
    auto* tls = server->mutable_tls();
    make_absolute(tls->mutable_ca_file());
    make_absolute(tls->mutable_certificate_file());
    make_absolute(tls->mutable_key_file());
  }
}

TlsFindings CheckTls(const v1::Config& config) {
  TlsFindings findings;
  CheckAdmin(config.admin(), findings);
  if (config.content_api().has_tls()) {
    CheckServer("content_api.tls", config.content_api().tls(), findings);
  }
  for (int i = 0; i < config.listeners_size(); ++i)
    CheckListener(Cat("listeners[", i, "]"), config.listeners(i), findings);
  for (int i = 0; i < config.next_hops_size(); ++i) {
    const v1::NextHop& next_hop = config.next_hops(i);
    const std::string path = Cat("next_hops[", i, "]");
    if (next_hop.has_smtp()) CheckNextHop(path + ".smtp", next_hop.smtp(), findings);
    if (next_hop.has_lmtp()) CheckNextHop(path + ".lmtp", next_hop.lmtp(), findings);
  }
  return findings;
}

}  // namespace penstock::daemon
