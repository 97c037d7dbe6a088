// SPDX-License-Identifier: Apache-2.0
#include "engine/api/change_view.h"

#include <string>
#include <variant>

#include "engine/wire/convert_flow_rule.h"
#include "engine/wire/convert_hook.h"
#include "engine/wire/convert_organization.h"
#include "engine/wire/proto_time.h"
#include "engine/wire/resource_name.h"

#include "penstock/v1/changes.pb.h"

namespace penstock::api {
namespace {

v1::Resource ViewResource(const flow::Resource& resource) {
  v1::Resource out;
  if (const auto* organization = std::get_if<rules::Organization>(&resource)) {
    *out.mutable_organization() = wire::ToProto(*organization);
  } else if (const auto* hook = std::get_if<flow::Hook>(&resource)) {
    *out.mutable_hook() = wire::ToProto(*hook);
  } else {
    *out.mutable_flow_rule() = wire::ToProto(std::get<rules::FlowRule>(resource));
  }
  return out;
}

std::string NameOf(const v1::Resource& resource) {
  switch (resource.resource_case()) {
    case v1::Resource::kOrganization:
      return resource.organization().name();
    case v1::Resource::kHook:
      return resource.hook().name();
    case v1::Resource::kFlowRule:
      return resource.flow_rule().name();
    case v1::Resource::RESOURCE_NOT_SET:
      break;
  }
  return {};
}

}  // namespace

v1::Change ViewChange(const std::optional<flow::Resource>& before,
                      const std::optional<flow::Resource>& after) {
  v1::Change out;
  if (before) *out.mutable_before() = ViewResource(*before);
  if (after) *out.mutable_after() = ViewResource(*after);
  if (before && after) {
    out.set_kind(v1::Change::UPDATED);
  } else if (after) {
    out.set_kind(v1::Change::CREATED);
  } else if (before) {
    out.set_kind(v1::Change::REMOVED);
  }
  out.set_resource(NameOf(after ? out.after() : out.before()));
  return out;
}

v1::Change ViewChange(const ports::RecordedChange& change) {
  v1::Change out = ViewChange(change.before, change.after);
  out.set_name(wire::ChangeName(change.number));
  *out.mutable_time() = wire::ToProto(change.when);
  out.set_who(change.who);
  return out;
}

}  // namespace penstock::api
