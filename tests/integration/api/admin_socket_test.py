#!/usr/bin/env python3
"""The socket that the admin services are on: whose it is, who else is there, what is in its place.
"""
import json
import os
import pathlib
import socket
import stat
import tempfile
import threading
import unittest

from cli_harness import Daemon, main


class Server(unittest.TestCase):
    """The socket that the services are on."""

    def refused(self, path, *texts):
        daemon = Daemon(path=path)
        self.assertFalse(daemon.ready)
        code, complaints = daemon.stop()
        self.assertEqual(code, 1)
        for text in texts:
            self.assertIn(text, complaints)

    def test_folder_and_socket_are_the_owners_alone(self):
        before = os.umask(0)
        try:
            daemon = Daemon()
        finally:
            os.umask(before)
        with daemon:
            self.assertEqual(stat.S_IMODE(os.stat(daemon.socket).st_mode), 0o600)
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(daemon.socket)).st_mode), 0o700)

    def test_it_removes_its_socket_and_stops_cleanly(self):
        daemon = Daemon()
        self.assertEqual(daemon.run("org", "list").returncode, 0)
        daemon.process.stdin.close()
        self.assertEqual(daemon.process.wait(30), 0)
        self.assertFalse(os.path.exists(daemon.socket))
        daemon.folder.cleanup()
        daemon.process.stdout.close()
        daemon.process.stderr.close()

    def test_a_second_one_is_refused_and_the_first_goes_on(self):
        with Daemon() as daemon:
            self.refused(daemon.socket, "another process listens on")
            self.assertEqual(daemon.run("org", "list").returncode, 0)

    def test_a_socket_left_over_is_replaced(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = os.path.join(folder, "admin.sock")
            with socket.socket(socket.AF_UNIX) as left_over:
                left_over.bind(path)
            with Daemon(path=path) as daemon:
                self.assertEqual(daemon.run("org", "list").returncode, 0)

    def test_a_file_in_its_place_is_left_alone(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            path = pathlib.Path(folder, "admin.sock")
            path.write_text("precious", encoding="utf-8")
            self.refused(path, "is no socket")
            self.assertEqual(path.read_text(encoding="utf-8"), "precious")

    def test_a_folder_that_others_may_write_to_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            os.chmod(folder, 0o777)
            self.refused(os.path.join(folder, "admin.sock"), "others may write to it", "chmod 700")

    def test_paths_that_cannot_be(self):
        self.refused("relative.sock", "expected an absolute path")
        self.refused("/tmp/" + "x" * 200, "at most 107")
        self.refused("/nowhere/at/all/admin.sock", "cannot be made")

    def test_a_path_with_odd_characters(self):
        with tempfile.TemporaryDirectory(prefix="pen") as folder:
            with Daemon(path=os.path.join(folder, "a b%20é#?.sock")) as daemon:
                self.assertEqual(daemon.run("org", "list").returncode, 0)

    def test_many_clients_at_once(self):
        with Daemon() as daemon:
            codes = []
            threads = [threading.Thread(
                target=lambda n=n: codes.append(daemon.run("org", "create", f"o{n}").returncode))
                for n in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(codes, [0] * 8)
            listed = json.loads(daemon.run("org", "list", "-o", "json").stdout)["organizations"]
            self.assertEqual(len(listed), 9)


if __name__ == "__main__":
    main()
