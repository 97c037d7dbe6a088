// SPDX-License-Identifier: Apache-2.0
// Reads a YAML file into any protobuf message, by the message's descriptor: the configuration of
// penstockd, manifests. Knows no message by name but the well-known ones of protobuf.
//
//   field     key, as in the .proto or in camelCase (its JSON name)
//   message   mapping             repeated  list             map       mapping
//   enum      word of the .proto in any case; the UNSPECIFIED one is none
//   Duration  "15s", "30m", "4h", "1h30m" (proto_time.h)      Timestamp "2026-11-21T19:48:00Z"
//   bytes     base64
//
// DIAGNOSTICS. Every fault of a file is reported at once, one line each:
//   `file:line:column: field.path: what was wrong; what was expected`
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace google::protobuf {
class Message;
}

namespace penstock::wire {

// Where the fields of a file that was read stand, for whoever judges their values.
class YamlPlaces {
 public:
  // Returns "penstock.yaml:12:5: listeners[0].listen"; a path that the file does not have gets the
  // place of the nearest field around it, and that failing the top of the file.
  [[nodiscard]] std::string Where(std::string_view path) const;

 private:
  friend class YamlReader;

  struct Place {
    int line;    // from 1
    int column;  // from 1
  };

  std::string file_;
  std::map<std::string, Place, std::less<>> places_;  // by path: `listeners[0].listen`
};

// Reads the one document of `text`; `file` is its name in errors. Fields that it does not name stay
// as they are in `out`. An empty document names none.
//   Errors: kInvalidArgument with the lines above, at most limits::kYamlFaultsMax of them; `out` is
//   half filled then. Aliases are followed, but a file that unfolds to more than
//   limits::kYamlNodesMax values, or limits::kYamlUnfoldingMax for each of its octets, is refused.
//   `places`: if not null, filled.
Status ReadYaml(std::string_view text, std::string_view file, google::protobuf::Message* out,
                YamlPlaces* places = nullptr);

}  // namespace penstock::wire
