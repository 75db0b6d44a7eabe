"""The driver of scripts/bench, which see."""

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import files

HERE = os.path.dirname(os.path.realpath(__file__))
CORES = sorted(os.sched_getaffinity(0))


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--tools", required=True)
    parser.add_argument("--module", required=True)
    parser.add_argument("--nginx", default="/usr/sbin/nginx")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--only", default="")
    return parser.parse_args()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_port(port, process):
    for _ in range(200):
        if process.poll() is not None:
            break
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"{process.args[0]} does not listen")


class Nginx:
    """A front with fresh processes; its master and children are measured."""

    def __init__(self, options, prefix, port, conf):
        for name in ("logs", "temp", "store"):
            os.makedirs(f"{prefix}/{name}", exist_ok=True)
        self.prefix = prefix
        path = files.write(f"{prefix}/nginx.conf", conf)
        self.process = subprocess.Popen(
            [options.nginx, "-p", prefix, "-c", path,
             "-e", f"{prefix}/logs/error.log"],
            preexec_fn=lambda: os.sched_setaffinity(0, {CORES[0]}))
        try:
            wait_port(port, self.process)
        except SystemExit:
            with open(f"{prefix}/logs/error.log") as log:
                sys.stderr.write(log.read()[-2000:])
            raise

    def pids(self):
        parent = self.process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as file:
            return [parent, *map(int, file.read().split())]

    def cpu(self):
        """Nanoseconds of the worker, and of the other processes, by the
        scheduler's own count."""
        worker = rest = 0
        for pid in self.pids():
            used = 0
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                    used += int(file.read().split()[0])
            if self.is_worker(pid):
                worker += used
            else:
                rest += used
        return worker, rest

    @staticmethod
    def is_worker(pid):
        with open(f"/proc/{pid}/cmdline") as file:
            return "worker" in file.read()

    def worker_memory(self):
        """Resident kilobytes of the worker."""
        for pid in self.pids():
            if not self.is_worker(pid):
                continue
            with open(f"/proc/{pid}/status") as file:
                status = file.read()
            anon = re.search(r"RssAnon:\s+(\d+)", status)
            return int(anon.group(1))
        return 0

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(10)


class Bench:
    def __init__(self, options, folder, memory):
        self.options = options
        self.folder = folder
        self.processes = []
        self.results = {}
        self.failed = []
        names = files.certificate(folder)
        self.values = dict(
            crt=names["crt"], root=os.path.dirname(os.path.dirname(HERE)),
            module=options.module, prefix=f"{folder}/governed",
            journal=memory,
            **{name: free_port() for name in
               ("paced", "burst", "plain", "governed")})
        json_answer = files.write(f"{folder}/answer.json", files.json.dumps(
            files.message([{"type": "text", "text": "word " * 80}],
                          "end_turn", 80)))
        paced = files.write(f"{folder}/paced", files.stream(files.EVENTS))
        burst = files.write(f"{folder}/burst", files.stream(8))
        self.start_upstream("paced", names, json_answer, paced, 10)
        self.start_upstream("burst", names, json_answer, burst, 0)
        for size in (1, 64):
            files.write(f"{folder}/body{size}", files.body(size * 1024))

    def on_load_core(self):
        os.sched_setaffinity(0, {CORES[-1]})

    def start_upstream(self, name, names, answer, frames, gap):
        process = subprocess.Popen(
            [f"{self.options.tools}/upstream", str(self.values[name]),
             names["crt"], names["key"], answer, frames, str(gap)],
            preexec_fn=self.on_load_core)
        self.processes.append(process)
        wait_port(self.values[name], process)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()

    def record(self, case, side, **values):
        rows = self.results.setdefault(case, {}).setdefault(side, {})
        for name, value in values.items():
            rows.setdefault(name, []).append(value)

    def record_cpu(self, case, side, front, before, count):
        """Microseconds for each of `count`."""
        worker, rest = (after - then
                        for after, then in zip(front.cpu(), before))
        count = max(count, 1) * 1000
        self.record(case, side, worker=worker / count, rest=rest / count)

    def run_wrk(self, case, side, front, path, key="bearer", size=1,
                status=200):
        url = f"http://127.0.0.1:{self.port(side)}{path}"
        env = dict(os.environ, BENCH_KEY=files.KEYS[key],
                   BENCH_BODY=f"{self.folder}/body{size}")
        command = ["wrk", "-t1", "-c32", "-s", f"{HERE}/post.lua", url]
        subprocess.run(command[:3] + ["-d1s"] + command[3:], env=env,
                       stdout=subprocess.DEVNULL, check=True,
                       preexec_fn=self.on_load_core)
        before = front.cpu()
        out = subprocess.run(
            command[:3] + [f"-d{max(1, round(self.options.seconds))}s"]
            + command[3:], env=env, capture_output=True, text=True,
            check=True, preexec_fn=self.on_load_core).stdout
        count = int(re.search(r"(\d+) requests in", out).group(1))
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        bad = int(bad.group(1)) if bad else 0
        if bad != (0 if status == 200 else count) or "Socket errors" in out:
            self.failed.append(f"{case}, {side}: {bad} of {count} not 200")
        self.record_cpu(case, side, front, before, count)
        self.record(case, side, rate=rate)

    def run_load(self, case, side, front, path, key, connections, seconds,
                 content, per):
        request = files.write(
            f"{self.folder}/request", files.http_request(
                path, files.KEYS[key], content))
        command = [f"{self.options.tools}/load", str(self.port(side)),
                   request, str(connections)]

        # the first streams cost handshakes and show what memory they take

        idle = front.worker_memory()
        warm = subprocess.Popen([*command, "0.9"], stdout=subprocess.DEVNULL,
                                preexec_fn=self.on_load_core)
        time.sleep(0.7)
        memory = (front.worker_memory() - idle) / connections
        warm.wait()

        before = front.cpu()
        out = subprocess.run([*command, str(seconds)], capture_output=True,
                             text=True, check=True,
                             preexec_fn=self.on_load_core).stdout
        streams, errors, median, tail = map(int, out.split())
        if errors or not streams:
            self.failed.append(f"{case}, {side}: {errors} broken streams,"
                               f" {streams} whole")
        if connections >= 50:
            self.record(case, side, memory=memory)
        self.record_cpu(case, side, front, before, streams * per)
        self.record(case, side, rate=streams / seconds,
                    first=median / 1000, tail=tail / 1000)

    def cases(self):
        """(case, [(side, front name, how, arguments)])"""
        model = files.MODEL.replace(":", "%3A")
        invoke = f"/bedrock/model/{model}/invoke"
        stream = f"{invoke}-with-response-stream"
        one = files.body(1024)
        streams = dict(connections=self.options.streams,
                       seconds=2 * self.options.seconds, per=files.EVENTS)
        burst = dict(connections=1, seconds=self.options.seconds, per=1)
        claude = files.body(1024, model=files.ALIAS, stream=True)
        wrk, load = self.run_wrk, self.run_load
        yield "1 KB, without llm_store", [
            ("plain", wrk, dict(path=invoke)),
            ("unkept", wrk, dict(path=invoke))]
        for size in (1, 64):
            for key in ("bearer", "sigv4"):
                yield f"{size} KB, {key}", [
                    ("plain", wrk, dict(path=invoke, size=size)),
                    ("governed", wrk, dict(path=invoke, key=key, size=size))]
        yield "refusal against return 200", [
            ("plain", wrk, dict(path="/return")),
            ("governed", wrk, dict(path=invoke, key="empty", status=400))]
        yield "stream, bytes unchanged", [
            ("plain", load, dict(path=stream, key="bearer", content=one,
                                 **streams)),
            ("governed", load, dict(path=stream, key="bearer", content=one,
                                    **streams))]
        yield "stream, as Anthropic's SSE", [
            ("plain", load, dict(path=stream, key="bearer", content=one,
                                 **streams)),
            ("governed", load, dict(path="/anthropic/v1/messages",
                                    key="bearer", content=claude,
                                    **streams))]
        yield "first byte, one at a time", [
            ("plain", load, dict(path=stream.replace("bedrock", "burst"),
                                 key="burst", content=one, **burst)),
            ("governed", load, dict(path=stream, key="burst", content=one,
                                    **burst))]

    def port(self, side):
        return self.values["plain" if side == "plain" else "governed"]

    def front(self, side, number):
        values = dict(self.values, prefix=f"{self.folder}/{side}{number}")
        conf = (files.PLAIN % values if side == "plain"
                else files.governed(values, kept=side != "unkept"))
        return Nginx(self.options, values["prefix"], self.port(side), conf)

    def run(self):
        """Fresh processes for every measurement, the sides alternating."""
        number = 0
        for turn in range(self.options.rounds):
            for case, sides in self.cases():
                if self.options.only not in case:
                    continue
                print(f"\rround {turn + 1}: {case:40}", end="",
                      file=sys.stderr, flush=True)
                for side, how, more in sides[::-1 if turn % 2 else 1]:
                    number += 1
                    front = self.front(side, number)
                    try:
                        time.sleep(0.3)
                        how(case, side, front, **more)
                    finally:
                        front.stop()
                        shutil.rmtree(f"{self.values['journal']}/journal",
                                      ignore_errors=True)

    def report(self):
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
        print(f"{self.options.rounds} rounds, medians; CPU of the worker, and"
              " of nginx's other processes, in microseconds\nper request, or"
              " per event of a stream; the workers' ratio; memory in KB per"
              " open stream;\nfirst byte in microseconds\n")
        head = ("", "", "per s", "worker", "ratio", "others", "memory",
                "first", "p99")
        line = "{:28} {:9} {:>8} {:>7} {:>6} {:>7} {:>7} {:>7} {:>7}"
        print(line.format(*head))
        for case, sides in self.results.items():
            middle = {side: {name: statistics.median(values)
                             for name, values in rows.items()}
                      for side, rows in sides.items()}
            for side, row in middle.items():
                ratio = row["worker"] / middle.get("plain", row)["worker"]
                cell = lambda name: (f"{row[name]:.1f}" if name in row
                                     else "")
                print(line.format(
                    case if side == "plain" else "", side,
                    f"{row['rate']:.0f}", f"{row['worker']:.2f}",
                    "" if side == "plain" else f"{ratio:.3f}",
                    f"{row['rest']:.2f}", cell("memory"), cell("first"), cell("tail")))
        for text in self.failed:
            print(f"NOT AS EXPECTED: {text}")
        return 1 if self.failed else 0


def main():
    options = parse_options()
    if len(CORES) < 2:
        print("one core only: load and upstream disturb the front",
              file=sys.stderr)
    folder = tempfile.mkdtemp(prefix="llm-gov-bench-")
    os.chmod(folder, 0o755)
    memory = files.in_memory()
    bench = None
    try:
        bench = Bench(options, folder, memory)
        bench.run()
        return bench.report()
    finally:
        if bench:
            bench.stop()
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(memory, ignore_errors=True)


sys.exit(main())
