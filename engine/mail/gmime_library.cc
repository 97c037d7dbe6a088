// SPDX-License-Identifier: Apache-2.0
#include "engine/mail/gmime_library.h"

namespace penstock::mail {

GMimeParserOptions* GmimeOptions() {
  static GMimeParserOptions* const kOptions = [] {
    g_mime_init();
    const char* charsets[] = {"utf-8", "windows-1252", "iso-8859-1", nullptr};
    GMimeParserOptions* options = g_mime_parser_options_new();
    g_mime_parser_options_set_fallback_charsets(options, charsets);
    return options;
  }();
  return kOptions;
}

}  // namespace penstock::mail
