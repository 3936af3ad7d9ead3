#!/usr/bin/env python3
"""Makes the files in this folder with real servers.

    make.py snapshot OUT VERSION SERVER LISTER    a snapshot, redis-VERSION.rdb (or VERSION.rdb, if it begins with valkey)
    make.py log OUT VERSION SERVER LISTER         the files of a log, redis-VERSION-log

SERVER is the redis-server of that version; LISTER is one that is new enough to load what that has written. It writes what it
finds there as requests, which become redis-VERSION.txt or redis-VERSION-log.txt: what Redis itself reads in the files.
"""

import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

LONG = "x" * 30
# What 32 bits hold, which is all that the first versions write.
FAR_S = "2000000000"
FAR_MS = "4000000000123"

# What a server is told, from the first version that understands it on.
REQUESTS = [
    ((2, 0), """
        SET int8 -5
        SET int16 30000
        SET int32 -2000000000
        SET int64 9223372036854775807
        SET text hello
        SET empty ""
        SET compressed aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcd
        SET bytes "\\x00\\xff\\r\\n \\"'\\\\"
        APPEND raw abc
        RPUSH list:small a 1 -70000
        RPUSH list:ints 0 12 13 127 -128 32767 -32768 8388607 -8388608 2147483647 -2147483648 9000000000000
        RPUSH list:many a b c d e f g 1 2 3
        RPUSH list:long LONG aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
        SADD set:int16 1 2 -3
        SADD set:int32 100000 -100000 5
        SADD set:int64 9000000000 -9000000000 5
        SADD set:ints:many 1 2 3 4 5 6 7
        SADD set:words a bc 5
        SADD set:words:many a b c d e f g
        SADD set:words:long LONG b
        ZADD zset:small 1 a 2.5 b -3 c 0.125 d
        ZADD zset:many 1 a 2.5 b -3 c 0.125 d 5 e 17179869184 f 3 g
        ZADD zset:long 1 LONG -0.5 b
        ZADD zset:ends inf a -inf b 0 c
        HSET hash:small f v 1 2 empty ""
        HSET hash:many a 1 b 2 c 3 d 4 e 5 f 6 g 7
        HSET hash:long f LONG
        SET due:far v
        EXPIREAT due:far FAR_S
        HSET due:hash f v
        EXPIREAT due:hash FAR_S
        SELECT 3
        SET elsewhere yes
        RPUSH list:small b
        SELECT 15
        SET last 1
        SELECT 0
    """),
    ((2, 5), """
        SET due:far:ms v
        PEXPIREAT due:far:ms FAR_MS
    """),
    ((2, 8), """
        PFADD sketch a b c
    """),
    ((3, 2), """
        RPUSH list:nodes a b c d e f g h i j k l m n o p q r s t u v w x y z
        RPUSH list:nodes LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG LONG
        GEOADD places 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
    """),
    ((5, 0), """
        XADD stream 1-1 f v g w
        XADD stream 1-2 f v2 g w2
        XADD stream 2-0 other 1
        XADD stream 3-0 other -70000 more LONG
        XADD stream 4-0 f v g w
        XADD stream 9000000000000-18446744073709551615 f v g w
        XDEL stream 2-0
        XADD stream:empty 5-5 f v
        XDEL stream:empty 5-5
        XGROUP CREATE stream readers 0
        XGROUP CREATE stream idle 3-0
        XREADGROUP GROUP readers anna COUNT 2 STREAMS stream >
        XREADGROUP GROUP readers boris COUNT 1 STREAMS stream >
        XACK stream readers 1-1
        XCLAIM stream readers anna 0 1-2 TIME 1600000000000 RETRYCOUNT 7
        XCLAIM stream readers boris 0 3-0 TIME 1600000000001 RETRYCOUNT 3
    """),
    ((6, 2), """
        XGROUP CREATECONSUMER stream readers carla
    """),
    ((7, 0), """
        DEBUG QUICKLIST-PACKED-THRESHOLD 100b
        RPUSH list:plain small PLAIN small
        FUNCTION LOAD "#!lua name=mine\\nredis.register_function('f', function() return 1 end)"
        XADD stream:trimmed 1-0 a b
        XADD stream:trimmed 2-0 a b
        XADD stream:trimmed 3-0 a b
        XTRIM stream:trimmed MAXLEN 1
        XGROUP CREATE stream:trimmed g 3-0 ENTRIESREAD 3
    """),
    ((7, 4), """
        HSET hash:due a 1 b 2 c 3
        HPEXPIREAT hash:due FAR_MS FIELDS 1 a
        HPEXPIREAT hash:due 4000000000999 FIELDS 1 c
        HSET hash:due:many a 1 b 2 c 3 d 4 e 5 f 6 g 7
        HPEXPIREAT hash:due:many FAR_MS FIELDS 2 a g
        HSET hash:due:all a 1
        HPEXPIREAT hash:due:all FAR_MS FIELDS 1 a
    """),
]

# Limits that make few elements many, and the use of keys noted in one way or the other.
LIMITS = [
    ((2, 0), (2, 5, 1), "hash-max-zipmap-entries 4\nhash-max-zipmap-value 20"),
    ((2, 2), (3, 2), "list-max-ziplist-entries 4\nlist-max-ziplist-value 20"),
    ((2, 2), (99, 0), "set-max-intset-entries 4"),
    ((2, 4), (7, 0), "zset-max-ziplist-entries 4\nzset-max-ziplist-value 20"),
    ((2, 5, 1), (7, 0), "hash-max-ziplist-entries 4\nhash-max-ziplist-value 20"),
    ((3, 2), (7, 0), "list-max-ziplist-size 4"),
    ((3, 2), (99, 0), "list-compress-depth 1"),
    ((5, 0), (6, 2), "maxmemory-policy allkeys-lru\nmaxmemory 1gb"),
    ((6, 2), (7, 0), "maxmemory-policy allkeys-lfu\nmaxmemory 1gb"),
    ((7, 0), (99, 0), "zset-max-listpack-entries 4\nzset-max-listpack-value 20\nhash-max-listpack-entries 4\n"
                      "hash-max-listpack-value 20\nlist-max-listpack-size 4\nenable-debug-command yes"),
    ((7, 2), (99, 0), "set-max-listpack-entries 4\nset-max-listpack-value 20"),
]

# What a server logs: before it writes its log anew, behind that, and at last.
LOGGED = [
    """
        SET counter 1
        INCR counter
        RPUSH list a b c
        LPOP list
        SADD set a
        SET due v
        EXPIREAT due FAR_S
        SELECT 2
        HSET hash f v
        SELECT 0
    """,
    """
        INCR counter
        MULTI
        ZADD zset 1.5 a
        SELECT 2
        HSET hash g w
        SET other v
        EXEC
        DEL other
        SELECT 0
        SET bytes "\\x00\\xff\\r\\n*1\\r\\n"
    """,
    """
        INCR counter
        SET compressed aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabcd
        MULTI
        RENAME set set:new
        SADD set:new b
        EXEC
        EXPIREAT list FAR_S
    """,
]

# What a server is told about its log.
LOG_LIMITS = [
    ((4, 0), (7, 2), "aof-use-rdb-preamble yes"),
    ((7, 0), (99, 0), "aof-disable-auto-gc yes"),
    ((7, 2), (99, 0), "aof-use-rdb-preamble no\naof-timestamp-enabled yes"),
]

# Requests that several elements of which came later.
ONE_BY_ONE = {"RPUSH": (2, 1), "SADD": (2, 1), "ZADD": (2, 2), "HSET": (2, 2)}


class Server:
    """A server that runs in a folder of its own."""

    def __init__(self, binary, folder, config):
        self.port = free_port()
        path = pathlib.Path(folder, "redis.conf")
        path.write_text(f"port {self.port}\ndir {folder}\nbind 127.0.0.1\n{config}\n")
        self.process = subprocess.Popen([binary, str(path)], stdout=subprocess.DEVNULL, cwd=folder)
        for _ in range(100):
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port))
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit(f"{binary} does not start")
        self.file = self.socket.makefile("rb")

    def run(self, *words):
        words = [word if isinstance(word, bytes) else word.encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        return self.reply()

    def reply(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(max(0, int(rest)))]
        return line.decode()

    def info(self, name):
        return re.search(rb"%s:(\S*)" % name.encode(), self.run("INFO")).group(1).decode()

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def words_of(line):
    """The words of a line, in which quotes are as in redis-cli."""
    words = re.findall(r'"((?:\\.|[^"\\])*)"|(\S+)', line)
    plain = {"LONG": LONG, "PLAIN": "p" * 200, "FAR_S": FAR_S, "FAR_MS": FAR_MS}
    unescape = lambda text: text.encode().decode("unicode_escape").encode("latin-1")
    return [plain.get(bare, bare).encode() if bare else unescape(quoted) for quoted, bare in words]


def quoted(word):
    if re.fullmatch(rb"[!#-&(-\[\]-~]+", word):
        return word.decode()
    text = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)
    return f'"{text}"'


def config_of(version):
    return "save \"\"\n" * (version >= (2, 5)) + "\n".join(text for since, until, text in LIMITS if since <= version < until)


def fill(server, version):
    for since, lines in REQUESTS:
        if since <= version:
            tell(server, lines, version)


def tell(server, lines, version):
    for line in filter(None, map(str.strip, lines.splitlines())):
        words = words_of(line)
        head, step = ONE_BY_ONE.get(words[0].decode(), (len(words), 1))
        parts = [words] if version >= (4, 0) else [
            words[:head] + words[at:at + step] for at in range(head, max(len(words), head + 1), step)]
        for part in parts:
            reply = server.run(*part)
            if isinstance(reply, str) and reply.startswith("-"):
                sys.exit(f"{part}: {reply}")


def requests_in(text):
    """The requests of a log."""
    while text:
        head, text = text.split(b"\r\n", 1)
        words = []
        for _ in range(int(head[1:])):
            head, text = text.split(b"\r\n", 1)
            words.append(text[:int(head[1:])])
            text = text[int(head[1:]) + 2:]
        yield words


def listing(binary, files, config):
    """What a server finds in files, as requests; and the digest."""
    with tempfile.TemporaryDirectory() as folder:
        put(files, folder)
        config += "\nsave \"\"\naof-use-rdb-preamble no\nenable-debug-command yes"
        server = Server(binary, folder, config)
        while server.info("loading") != "0":
            time.sleep(0.05)
        server.run("CONFIG", "SET", "appendonly", "yes")
        rewrite(server)
        manifest = pathlib.Path(folder, "appendonlydir/appendonly.aof.manifest").read_text()
        base = re.search(r"file (\S+) seq \d+ type b", manifest).group(1)
        text = pathlib.Path(folder, "appendonlydir", base).read_bytes()
        server.run("DEL", "fractions")
        digest = server.run("DEBUG", "DIGEST")
        server.stop()
        return digest, list(requests_in(text))


def rewrite(server):
    """Lets a server write its log anew."""
    wait_for_child(server)
    server.run("BGREWRITEAOF")
    wait_for_child(server)


def wait_for_child(server):
    while server.info("aof_rewrite_in_progress") != "0" or server.info("aof_rewrite_scheduled") != "0":
        time.sleep(0.05)


def put(files, folder):
    for name, content in files.items():
        path = pathlib.Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def snapshot_of(binary, version):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(binary, folder, config_of(version))
        fill(server, version)
        digest = server.run("DEBUG", "DIGEST")
        # The digest has them as text, which is another one in each version.
        server.run("ZADD", "fractions", "0.1", "a")
        server.run("ZADD", "fractions", "1e300", "b")
        assert server.run("SAVE") == "+OK"
        server.stop()
        return digest, pathlib.Path(folder, "dump.rdb").read_bytes()


def log_of(binary, version):
    """The files of a log, by name."""
    with tempfile.TemporaryDirectory() as folder:
        config = "save \"\"\n" * (version >= (2, 5)) + "appendonly yes\n"
        for since, until, text in LOG_LIMITS:
            config += f"{text}\n" * (since <= version < until)
        server = Server(binary, folder, config)
        tell(server, LOGGED[0], version)
        if version >= (4, 0):
            rewrite(server)
            time.sleep(1.1)
        tell(server, LOGGED[1], version)
        if version >= (7, 0):
            # Once more, but the child does not come to its end: changes go to one more file.
            server.run("CONFIG", "SET", "rdb-key-save-delay", "10000000")
            server.run("BGREWRITEAOF")
            children = f"/proc/{server.process.pid}/task/{server.process.pid}/children"
            while not (child := pathlib.Path(children).read_text().split()):
                time.sleep(0.05)
            subprocess.run(["kill", "-9", *child], check=True)
            wait_for_child(server)
            # A second later, of which there is a note.
            time.sleep(1.1)
        tell(server, LOGGED[2], version)
        server.stop()
        root = pathlib.Path(folder)
        files = [*root.glob("appendonly.aof"), *root.glob("appendonlydir/*")]
        return {str(path.relative_to(root)): path.read_bytes() for path in files}


def write_listing(path, requests):
    path.write_text("".join(" ".join(map(quoted, words)) + "\n" for words in requests))


def main():
    what, out, name, binary, lister = sys.argv[1:]
    version = tuple(int(part) for part in re.findall(r"\d+", name)[:3])
    if name.startswith("valkey"):
        # What that has in common with Redis.
        version = (7, 2)
    else:
        name = f"redis-{name}"
    out = pathlib.Path(out)
    if what == "log":
        files = log_of(binary, version)
        _, requests = listing(lister, files, "appendonly yes")
        write_listing(out / f"{name}-log.txt", requests)
        folder = out / f"{name}-log"
        folder.mkdir(exist_ok=True)
        put({pathlib.Path(path).name: content for path, content in files.items()}, folder)
        sizes = ", ".join(f"{pathlib.Path(path).name} {len(content)}" for path, content in files.items())
        print(f"{name}: {sizes}; {len(requests)} requests")
        return
    told, snapshot = snapshot_of(binary, version)
    digest, requests = listing(lister, {"dump.rdb": snapshot}, "")
    assert told == digest, f"{lister} reads something else than {binary} has written"
    (out / f"{name}.rdb").write_bytes(snapshot)
    write_listing(out / f"{name}.txt", requests)
    print(f"{name}: format {snapshot[5:9].decode()}, {len(snapshot)} bytes, {len(requests)} requests, digest {digest[1:]}")


if __name__ == "__main__":
    main()
