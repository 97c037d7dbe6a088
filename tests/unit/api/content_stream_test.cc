// SPDX-License-Identifier: Apache-2.0
#include "engine/api/content_stream.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "penstock/v1/message_flow.pb.h"

namespace penstock::api {
namespace {

std::vector<grpc::Slice> Cut(const std::string& octets, std::size_t piece) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < octets.size(); at += piece)
    slices.emplace_back(octets.substr(at, piece));
  return slices;
}

// What lies in the parts, or "other".
std::string Joined(const std::vector<grpc::Slice>& slices) {
  const auto parts = DataFromWire(slices);
  if (!parts) return "other";
  std::string all;
  for (const std::string_view part : *parts)
    all += part;
  return all;
}

}  // namespace

TEST_CASE("Content Put: the octets of data, wherever the wire has cut it", "[api][content][M6]") {
  for (const std::size_t size : std::vector<std::size_t>{1, 127, 128, 16'383, 16'384, 65'536}) {
    v1::PutRawMessageContentRequest request;
    std::string data(size, 'x');
    data.front() = '\0';
    data.back() = '\n';
    request.set_data(data);
    const std::string octets = request.SerializeAsString();
    for (const std::size_t piece : std::vector<std::size_t>{1, 2, 3, 5, 7, 1'000, 100'000}) {
      CAPTURE(size, piece);
      CHECK((Joined(Cut(octets, piece)) == data));
    }
    CHECK(Joined(Cut(octets.substr(0, octets.size() - 1), 7)) == "other");
    CHECK(Joined(Cut(octets + "x", 7)) == "other");
  }
}

TEST_CASE("Content Put: what is not data alone is for the parser", "[api][content][M6]") {
  v1::PutRawMessageContentRequest start;
  start.mutable_start()->set_message_id("m");
  CHECK(Joined({}) == "other");
  CHECK(Joined(Cut(start.SerializeAsString(), 100)) == "other");
  for (const std::string& octets :
       {std::string("\x12"), std::string("\x12\x80"), std::string("\x12\x80\x80\x80\x80\x80\x01x"),
        std::string("\x12\xff\xff\xff\xff\x7fx"), std::string("\x10\x01")}) {
    CHECK(Joined(Cut(octets, 100)) == "other");
    CHECK(Joined(Cut(octets, 1)) == "other");
  }
  v1::PutRawMessageContentRequest empty;
  empty.set_data("");
  CHECK(Joined(Cut(empty.SerializeAsString(), 100)).empty());
}

}  // namespace penstock::api
