import unittest

import planted

coro = planted.load("check_coro")


def found(text):
    return [what for _, what in coro.faults(text)]


class CheckCoro(unittest.TestCase):
    def refused(self, text, what):
        got = found(text)
        self.assertEqual(len(got), 1, (text, got))
        self.assertIn(what, got[0])

    def accepted(self, text):
        self.assertEqual(found(text), [], text)

    def test_a_braced_object_in_the_awaited_call(self):
        self.refused("Task<void> F() { co_await Call(Options{.a = x}); }", "a braced object")
        self.refused("Task<void> F() { co_await Call({.a = x}); }", "a braced object")
        self.refused("Task<void> F() { RETURN_IF_ERROR(co_await Call(1, {.a = x})); }", "a braced object")
        self.accepted("Task<void> F() { Options o{.a = x}; co_await Call(std::move(o)); }")

    def test_a_braced_object_beside_the_awaited_call(self):
        self.refused("Task<void> F() { Both(Options{.a = x}, co_await Call()); }", "a braced object")
        self.refused("Task<void> F() { Both(co_await Call(), Options{.a = x}); }", "a braced object")
        self.refused("Task<void> F() { return_(Both(co_await Call()), G{}); }", "a braced object")

    def test_a_branch_of_a_conditional(self):
        self.refused("Task<int> F() { co_return b ? co_await Call() : 1; }", "a branch of ?:")
        self.refused("Task<int> F() { int x = b ? G(std::string()) : co_await Call(); }", "a branch of ?:")
        self.accepted("Task<int> F() { int x = co_await Call(); co_return b ? x : 1; }")
        self.accepted("Task<int> F() { int x = co_await Call() ? 1 : 2; }")

    def test_a_lambda_in_the_awaited_call(self):
        self.refused("Task<void> F() { co_await Call([p] { return p; }); }", "a lambda")
        self.refused("Task<void> F() { int v = co_await Call(1, [&](auto h) mutable { h(); }); }", "a lambda")
        self.accepted("Task<void> F() { auto f = [p] { return p; }; co_await Call(f); }")

    def test_blocks_are_no_objects(self):
        self.accepted("Task<void> F() { if (co_await Call()) { G(); } else { H(); } co_return; }")
        self.accepted("Task<void> F() { while (co_await Call()) { int x{1}; G({x}); } }")
        self.accepted("Task<void> F() { for (;;) { G({1}); } co_await Call(); }")
        self.accepted("Task<void> F() { auto [a, b] = co_await Call(); }")
        self.accepted("Task<void> F() { if (auto s = co_await Call(); !s) { co_return Options{.a = s}; } }")

    def test_comments_and_strings(self):
        self.accepted("Task<void> F() { co_await Call(\"Options{.a}\");  // co_await Call({1})\n }")
        self.accepted('Task<void> F() { co_await Call(R"(X{1})"); }')
        self.accepted("Task<void> F() { constexpr int kMax = 1'000; co_await Call('{', kMax); }")

    def test_a_coroutine_lambda_captures_nothing(self):
        self.refused("auto f = [this]() -> Task<void> { co_await Call(); };", "captures [this]")
        self.refused("auto f = [&a, b](int c) mutable -> Task<int> { co_return a + b + c; };", "captures")
        self.accepted("auto f = [](int* a) -> Task<int> { co_return *a; };")
        self.accepted("auto f = [a] { return a; };")
        self.accepted("int v[3] = {}; Task<void> F(int (&x)[3]) { v[i] = co_await G(x[i]); }")

    def test_an_inner_lambda_answers_for_itself(self):
        self.refused("auto f = [a] { auto g = [b]() -> Task<int> { co_return b; }; };", "captures [b]")
        self.accepted("auto f = [a] { auto g = [](int b) -> Task<int> { co_return b; }; };")

    def test_the_line_is_that_of_the_await(self):
        self.assertEqual([line for line, _ in coro.faults("// one\n\nvoid F() {\n  co_await G({1});\n}\n")], [4])


if __name__ == "__main__":
    unittest.main()
