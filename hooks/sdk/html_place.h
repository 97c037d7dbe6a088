// SPDX-License-Identifier: Apache-2.0
// Where something can be put into HTML so that it is shown before, or behind, all that is there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace penstock::sdk {

// Behind the <body> tag; without one behind </head>, behind <html>, or at the beginning. Tags in
// comments do not count.
std::size_t PlaceAtTop(std::string_view html);

// Before the last </body>; without one before the last </html>, or at the end.
std::size_t PlaceAtBottom(std::string_view html);

// Returns plain text as HTML: one paragraph, a <br> for each line end, its markup escaped.
std::string HtmlOf(std::string_view text);

// Returns HTML with every character over U+007F as a numeric reference: any charset has it then.
std::string InAscii(std::string_view html);

}  // namespace penstock::sdk
