"""Tests of the harness itself, without any server: `python3 -m unittest discover tests/bench`."""

from __future__ import annotations

import random
import sys
import tempfile
import unittest
import xml.dom.minidom
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import expiry
import idle
import listeners
import load
import persist
import render
import replicas
import servers
import wire
from figures import Figures, middle, percentile
from plots import Mark, Plot, draw, short

ABOUT = {"spindle": {"version": "1", "command": "s"}, "redis": {"version": "2", "command": "r"}}


class Numbers(unittest.TestCase):
    def test_percentiles_are_values_of_the_list(self):
        values = list(range(1, 1001))
        self.assertEqual(percentile(values, 0.5), 501)
        self.assertEqual(percentile(values, 0.999), 1000)
        self.assertEqual(percentile([7], 0.99), 7)

    def test_the_middle_of_counts_is_a_count(self):
        self.assertEqual(middle([80, 83]), 80)
        self.assertEqual(middle([1.0, 2.0]), 1.5)

    def test_figures_are_written_short(self):
        written = [short(value) for value in (0, 0.0, 0.7, 12.34, 1234.5, 1000, 0.0601)]
        self.assertEqual(written, ["0", "0", "0.700", "12.3", "1,234", "1,000", "0.0601"])

    def test_events_that_never_came_are_the_latest(self):
        summary = expiry.lag_summary([2.0] * 600)
        self.assertEqual(summary["p50_ms"], 2.0)
        self.assertIsNone(summary["p99_ms"])
        self.assertIsNone(summary["max_ms"])


class Workloads(unittest.TestCase):
    def test_numbers_are_drawn_where_one_is_wanted(self):
        for workload in load.WORKLOADS:
            self.assertNotIn(load.RANDOM, " ".join(load.with_number(workload.command, 7)))
        self.assertEqual(load.with_number(("ZADD", "z", load.RANDOM, "m:" + load.RANDOM), 7),
                         ("ZADD", "z", "000000000007", "m:000000000007"))


class Replicas(unittest.TestCase):
    def test_a_field_of_info_is_the_whole_line(self):
        info = "# Replication\r\nrole:master\r\nmaster_replid:ab\r\nmaster_replid2:cd\r\n"
        self.assertEqual(replicas.field_of(info, "master_replid"), "ab")
        self.assertEqual(replicas.field_of(info, "role"), "master")
        self.assertEqual(replicas.field_of(info, "replid"), "")

    def test_a_figure_is_shown_with_its_ratio_to_the_base(self):
        rounds = {"spindle": [{"s": 1.0}, {"s": 3.0}, {"s": 2.0}], "redis": [{"s": 4.0}]}
        first, second = replicas.summary(rounds, "s")
        self.assertTrue(first.endswith("0.50 of redis"), first)
        self.assertNotIn("of redis", second)


class Traces(unittest.TestCase):
    def test_the_call_under_way_does_not_count(self):
        quiet = idle.calls_of("epoll_wait(3,  <detached ...>\n")
        self.assertEqual(idle.idle_calls([quiet]), 0)
        busy = idle.calls_of("epoll_wait(5, [], 10, 100) = 0\nread(7, \"\", 1) = 0\n"
                             "--- SIGCHLD ---\nepoll_wait(5,  <detached ...>\n")
        self.assertEqual(idle.idle_calls([busy, []]), 2)

    def test_a_burst_is_what_lies_between_two_waits(self):
        trace = ('epoll_wait(5, [], 10, 100) = 0\nopenat(1) = 2\n'
                 'epoll_wait(5, [{EPOLLIN}], 10, 100) = 1\n'
                 'read(8, "*1\\r\\n$4\\r\\nPING"..., 16384) = 1400\n'
                 'write(8, "+PONG\\r\\n"..., 700) = 700\nread(8, 0, 9) = -1 EAGAIN\n'
                 'epoll_wait(5, [], 10, 100) = 0\n')
        expected = {"epoll_wait": 1, "read": 2, "write": 1}
        self.assertEqual(idle.burst_calls([[], idle.calls_of(trace)]), expected)
        self.assertIsNone(idle.burst_calls([["io_uring_enter(5) = 1"]]))


class Commands(unittest.TestCase):
    def test_requests_are_arrays_of_bulk_strings(self):
        expected = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n10\r\n"
        self.assertEqual(wire.encode("SET", b"a", 10), expected)

    def test_a_shown_command_has_no_foreign_folder(self):
        shown = servers.Candidate("x", "/opt/x/server --port {port} --save ''").shown_command()
        self.assertEqual(shown, "server --port {port} --save ''")
        own = servers.Candidate("x", f"{servers.OWN_BINARY} --port {{port}}").shown_command()
        self.assertEqual(own, "target/release/spindle-server --port {port}")


class Data(unittest.TestCase):
    def test_the_data_to_be_kept_is_the_same_each_time(self):
        for data in persist.DATA:
            first, again = list(data.requests(400)), list(data.requests(400))
            self.assertEqual(first, again)
            self.assertTrue(all(request.startswith(b"*") for request in first))
        self.assertEqual(len(list(persist.strings(400))), 400)
        self.assertEqual(len(list(persist.mixed(400))), 408)

    def test_flags_come_behind_the_command(self):
        one = servers.Candidate("x", "server --port {port}")
        logged = persist.with_flags(one, persist.POLICIES["always"])
        self.assertEqual(logged.arguments(7)[-4:],
                         ["--appendonly", "yes", "--appendfsync", "always"])


class FakeConnection(wire.Connection):
    """One that receives pieces given beforehand, and sends nowhere."""

    def __init__(self, *pieces):
        self.pieces, self.socket, self.unread = list(pieces), self, b""

    def sendall(self, data):
        pass

    def recv(self, *_):
        return self.pieces.pop(0)


class Replies(unittest.TestCase):
    def test_a_fill_awaits_lines_and_strings_however_they_are_cut(self):
        for pieces in ([b"+OK\r\n$3\r\n1-0\r\n"], [b"+OK\r\n", b"$3\r\n1", b"-0\r\n"],
                       [b"+OK\r\n$3\r\n", b"1-0\r\n"]):
            connection = FakeConnection(*pieces)
            connection.fill([b"x"] * 2)
            self.assertEqual(connection.pieces, [])

    def test_a_fill_tells_of_errors(self):
        with self.assertRaises(wire.ReplyError):
            FakeConnection(b":1\r\n-", b"ERR no\r\n").fill([b"x"] * 2)


class Listeners(unittest.TestCase):
    def test_a_transaction_is_answered_request_by_request(self):
        requests = listeners.transaction(random.Random(1))
        self.assertEqual(len(requests), len(listeners.Transactions.REPLIES))
        self.assertEqual(requests[0], b"*1\r\n$5\r\nMULTI\r\n")
        self.assertEqual(listeners.Transactions.REPLIES[-1].count(b"+OK"), listeners.SETS)

    def test_a_reply_that_is_cut_or_wrong_is_told(self):
        listeners.expect(FakeConnection(b":1\r\n"), b":1\r\n")
        with self.assertRaises(ConnectionError):
            listeners.expect(FakeConnection(b":1"), b":1\r\n")
        with self.assertRaises(RuntimeError):
            listeners.expect(FakeConnection(b":0\r\n"), b":1\r\n")


class Stored(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name) / "figures.json"

    def put(self, run, row, rounds):
        figures = Figures(self.path)
        figures.begin(ABOUT, {})
        figures.runs[run] = figures.runs.pop(figures.run)
        figures.run = run
        figures.put(row, {"keys": 10}, rounds)
        return figures

    def test_a_part_replaces_its_rows_and_leaves_the_others(self):
        self.put("1", "cpu/ping1", {"spindle": [{"cpu_us": 1.0}], "redis": [{"cpu_us": 2.0}]})
        self.put("2", "memory/value32", {"redis": [{"bytes_per_key": 90.0}]})
        self.put("3", "cpu/ping1", {"spindle": [{"cpu_us": 3.0}], "redis": []})
        figures = Figures(self.path)
        self.assertEqual(figures.median("cpu/ping1", "spindle", "cpu_us"), 3.0)
        self.assertIsNone(figures.median("cpu/ping1", "redis", "cpu_us"))
        self.assertEqual(figures.median("memory/value32", "redis", "bytes_per_key"), 90.0)
        self.assertEqual(sorted(figures.runs), ["2", "3"])

    def test_what_was_not_measured_is_said_to_be(self):
        self.put("1", "cpu/ping1", {"spindle": [{"cpu_us": 1.25}]})
        document = render.Document(Figures(self.path))
        text = document.text()
        self.assertIn("| PING | 1 | 1.25 |", text)
        self.assertIn("| GET | 16 | not measured |", text)
        self.assertIn("## Idle\n\nnot measured", text)
        self.assertIn("not measured", document.plots["memory"])

    def test_ratios_are_to_the_base(self):
        self.put("1", "cpu/get16", {"spindle": [{"cpu_us": 1.0}], "redis": [{"cpu_us": 4.0}]})
        text = render.Document(Figures(self.path)).text()
        self.assertIn("| GET | 16 | 1.00 | 4.00 | 0.25 |", text)


class Plots(unittest.TestCase):
    def test_plots_are_sound_xml_on_white(self):
        for is_log in (False, True):
            plot = Plot("a < b", "ms", is_log=is_log)
            plot.add("x", [Mark("spindle", 3.0, 1.0, 5.0), Mark("other", None)])
            plot.add("y", [Mark("spindle", 200.0, is_beyond=True)])
            text = draw(plot, ["spindle", "other"])
            xml.dom.minidom.parseString(text)
            self.assertIn('fill="#ffffff"', text)
            self.assertIn("not measured", text)
            self.assertIn("&gt; 200", text)


if __name__ == "__main__":
    unittest.main()
