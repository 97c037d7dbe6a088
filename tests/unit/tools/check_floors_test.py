import re
import unittest

import planted

floors = planted.load("check_floors")


def found(files):
    with planted.Planted(files) as root:
        return list(floors.faults(root))


class CheckFloors(unittest.TestCase):
    def refused(self, name, line, reason):
        got = found({name: f"// first line\n{line}\n"})
        self.assertEqual(len(got), 1, got)
        self.assertTrue(got[0].startswith(f"{name}:2: "), got)
        self.assertIn(reason, got[0])

    def accepted(self, name, line):
        self.assertEqual(found({name: f"// first line\n{line}\n"}), [])

    def test_an_include_goes_down_only(self):
        self.refused("engine/mail/a.h", '#include "engine/rules/b.h"', "(floor 1) includes engine/rules")
        self.refused("engine/store/a.h", '#include "engine/delivery/b.h"', "includes engine/delivery")
        self.accepted("engine/rules/a.h", '#include "engine/mail/b.h"')
        self.accepted("engine/rules/a.h", '  #  include "engine/rules/b.h"')

    def test_a_comment_is_no_include(self):
        self.accepted("engine/mail/a.h", '// #include "engine/rules/b.h"')

    def test_blind_rooms(self):
        self.refused("engine/runtime/a.cc", '#include "engine/wire/b.h"', "may not include engine/wire")
        self.refused("engine/api/a.cc", '#include "engine/store/b.h"', "may not include engine/store")
        self.refused("engine/async/a.cc", '#include "engine/mail/b.h"', "may not include engine/mail")
        self.refused("engine/embed/a.cc", '#include "engine/ingress/b.h"', "may not include")

    def test_pure_rooms_know_no_input_no_clock_no_json(self):
        for header in ("<boost/asio/awaitable.hpp>", "<fstream>", "<thread>", "<sys/socket.h>",
                       "<nlohmann/json.hpp>", "<grpcpp/grpcpp.h>", '"absl/time/time.h"',
                       '"penstock/v1/hook.pb.h"', "<openssl/ssl.h>"):
            self.refused("engine/flow/a.cc", f"#include {header}", "is pure")
        self.accepted("engine/flow/a.cc", "#include <openssl/hmac.h>")
        self.refused("engine/rules/a.cc", "auto t = std::chrono::steady_clock::now();", "reads a clock")
        self.accepted("engine/rules/a.cc", "// never steady_clock::now() here")

    def test_libraries_have_their_rooms(self):
        self.refused("engine/runtime/a.cc", "#include <sqlite3.h>", "only engine/store")
        self.accepted("engine/store/a.cc", "#include <sqlite3.h>")
        self.accepted("engine/store/a.cc", '#include "engine/store/record.pb.h"')
        self.refused("engine/runtime/a.cc", '#include "engine/store/record.pb.h"', "includes engine/store")
        self.refused("engine/store/a.cc", '#include "penstock/v1/hook.pb.h"', "may not include")
        self.refused("engine/store/a.cc", "#include <spdlog/spdlog.h>", "only tools/telemetry")
        self.refused("engine/ingress/a.cc", '#include "penstock/v1/hook.pb.h"', "may not include")
        self.refused("engine/wire/a.cc", "#include <boost/asio/post.hpp>", "may not include")

    def test_hook_authors_link_no_engine(self):
        self.accepted("hooks/sdk/a.h", '#include "engine/base/status.h"')
        self.refused("hooks/sdk/a.h", '#include "engine/flow/event.h"', "may not include engine/flow")
        self.accepted("hooks/builtin/a.cc", '#include "hooks/sdk/b.h"')
        self.refused("engine/api/a.cc", '#include "hooks/sdk/b.h"', "may not include hooks/sdk")

    def test_support_stands_at_the_ports(self):
        self.accepted("tests/support/a.h", '#include "engine/ports/store.h"')
        self.refused("tests/support/a.h", '#include "engine/store/sqlite.h"', "may not include engine/store")
        self.refused("engine/base/a.h", '#include "tests/support/a.h"', "may not include tests/support")

    def test_the_programs(self):
        self.accepted("tools/penstockd/main.cc", '#include "engine/store/sqlite.h"')
        self.refused("tools/penstock/main.cc", '#include "engine/store/sqlite.h"', "may not include")
        self.accepted("tools/penstock/main.cc", '#include "hooks/client/grpc_hook_caller.h"')
        self.refused("tools/penstockd/main.cc", '#include "tools/penstock/a.h"', "includes tools/penstock (floor 9)")

    def test_a_room_without_a_floor_is_refused(self):
        got = found({"engine/utils/a.h": "\n"})
        self.assertEqual(len(got), 1)
        self.assertIn("engine/utils has no floor", got[0])

    def test_the_table_is_that_of_the_architecture(self):
        page = (planted.ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
        section = page.split("## Rooms and floors")[1].split("\n## ")[0]
        rows = re.findall(r"^\| (\d+) \| `([a-z/]+)` \|", section, re.M)
        self.assertEqual({name: int(floor) for floor, name in rows}, floors.FLOOR)
        beside = set(re.findall(r"^\| `([a-z/]+)` \|", section, re.M))
        self.assertEqual(beside, set(floors.ONLY) - set(floors.FLOOR))

    def test_the_house_holds(self):
        self.assertEqual(list(floors.faults(planted.ROOT)), [])


if __name__ == "__main__":
    unittest.main()
