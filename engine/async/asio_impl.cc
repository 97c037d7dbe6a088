// SPDX-License-Identifier: Apache-2.0
// The one place where Boost.Asio's non-template code is compiled (BOOST_ASIO_SEPARATE_COMPILATION):
// every other file that uses Asio compiles seconds faster.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
