// SPDX-License-Identifier: Apache-2.0
// The door to GMime for the sources of this folder. Headers of this folder do not include it.
//
// GMime is given hostile text, so whoever calls it bounds the text first: its address parser
// recurses for each nested group and is quadratic on some junk, its decoder on others. Its strings
// end at NUL.
#pragma once

#include <memory>

#include <gmime/gmime.h>

namespace penstock::mail {

// Returns options for reading as much as can be read; text that is no UTF-8 is taken for
// Windows-1252, then Latin-1. The first call initialises GMime.   Threads: safe to call from many.
GMimeParserOptions* GmimeOptions();

struct GmimeFree {
  void operator()(char* text) const { g_free(text); }
};

struct GmimeUnref {
  void operator()(void* object) const { g_object_unref(object); }
};

using GmimeText = std::unique_ptr<char, GmimeFree>;

template <class Object>
using GmimeObject = std::unique_ptr<Object, GmimeUnref>;

}  // namespace penstock::mail
