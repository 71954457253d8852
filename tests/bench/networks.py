"""networks.py - what containers' networks carry, and what they cost at a start, beside podman's.

The host of it all is a network namespace with a client in another one, so that nothing of the machine's own is touched, and a client's
way is the same for all. iperf3 (from Debian) measures throughput, net.c latency and connections a second.
"""
import contextlib, ctypes, json, os, shutil, statistics, subprocess, time
from measure import must, rows, series, sh

HERE = os.path.dirname(os.path.abspath(__file__))
HOST, OUTSIDE = "203.0.113.1", "203.0.113.9"
SECONDS, ROUNDS = 1, 9    # a run differs from the next one by a fifth: many short ones
SERVER, CLIENT = ["taskset", "1"], ["taskset", "2"]    # a CPU each: on one alone, which the scheduler may choose, a byte is there three times as soon
AIM = 1 / 0.95


@contextlib.contextmanager
def world():
    """we are in the host's namespace; yields the words that run a command at the client"""
    host, client = "nh%d" % os.getpid(), "nc%d" % os.getpid()
    own, libc = os.open("/proc/self/ns/net", os.O_RDONLY), ctypes.CDLL(None, use_errno=True)
    for n in (host, client):
        must(["ip", "netns", "add", n])
        must(["ip", "-n", n, "link", "set", "lo", "up"])
    try:
        must(["ip", "-n", host, "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", client])
        must(["ip", "-n", host, "addr", "add", HOST + "/24", "dev", "up0"])
        must(["ip", "-n", client, "addr", "add", OUTSIDE + "/24", "dev", "eth0"])
        must(["ip", "-n", host, "link", "set", "up0", "up"])
        must(["ip", "-n", client, "link", "set", "eth0", "up"])
        must(["ip", "-n", host, "route", "add", "default", "via", OUTSIDE])
        with open("/run/netns/" + host) as f:
            if libc.setns(f.fileno(), 0) < 0:
                raise OSError(ctypes.get_errno(), "setns")
        yield ["nsenter", "--net=/run/netns/" + client]
    finally:
        libc.setns(own, 0)
        os.close(own)
        for n in (host, client):
            sh(["ip", "netns", "del", n])


def image(b):
    """iperf3, net.c and what they need, on a busybox"""
    tree, tar, program = os.path.join(b.dir, "net"), os.path.join(b.dir, "net.tar"), os.path.join(b.dir, "net/bin/net")
    os.makedirs(os.path.join(tree, "bin"))
    os.mkdir(os.path.join(tree, "tmp"), 0o1777)
    os.chmod(os.path.join(tree, "tmp"), 0o1777)
    must(["cc", "-O2", "-o", program, os.path.join(HERE, "net.c")])
    iperf = shutil.which("iperf3")
    shutil.copy(iperf, os.path.join(tree, "bin"))
    for line in (must(["ldd", iperf]) + must(["ldd", program])).splitlines():
        for word in line.split():
            if word.startswith("/"):
                os.makedirs(tree + os.path.dirname(word), exist_ok=True)
                shutil.copy(word, tree + word)
    shutil.copy("/bin/busybox", os.path.join(tree, "bin/busybox"))
    for name in ("sh", "sleep", "taskset", "true"):
        os.symlink("busybox", os.path.join(tree, "bin", name))
    must(["tar", "-C", tree, "-cf", tar, "."])
    return b.pushed("net", [tar]), os.path.join(tree, "bin/net")


class Engine:
    def __init__(self, name, words, image, env, who):
        self.name, self.words, self.image, self.env, self.who = name, words, image, env, who

    def must(self, *words):
        return must(self.words + list(words), env=self.env, **self.who)

    def run(self, name, options, command):
        self.must("run", "-d", "--name", name, "--tls-verify=false", *options, self.image, *command)

    def address(self, name):
        found = json.loads(self.must("inspect", name))[0]["NetworkSettings"]["Networks"]
        return [n["IPAddress"] for n in found.values()][0]


def again(command, env, who):
    """until the server is there"""
    for _ in range(200):
        r = sh(command, env=env, **who)
        if r.returncode == 0:
            return r.stdout
        time.sleep(0.02)
    raise SystemExit("bench: %s: %s" % (command, r.stderr + r.stdout))


def measure(prefix, where, ports, tools, env, who):
    """(seconds for a gigabyte, microseconds there and back, milliseconds for a connection)"""
    iperf, net = tools
    end = {}
    while "sum_received" not in end:    # "the server is busy", says who was quicker than the end of the last one
        text = again(prefix + CLIENT + [iperf, "-c", where, "-p", str(ports[0]), "-t", str(SECONDS), "-J"], env, who)
        end = json.loads(text)["end"]
    rate = end["sum_received"]["bits_per_second"] / 8e9
    latency = float(again(prefix + CLIENT + [net, "latency", where, str(ports[1]), "300"], env, who))
    connections = float(again(prefix + CLIENT + [net, "connections", where, str(ports[1]), "50"], env, who))
    return 1 / rate, latency, 1e3 / connections


def compare(title, ways):
    """ways: {name: function that measures once}; ours are called carrier"""
    results = {name: [] for name in ways}
    for i in range(ROUNDS):
        for name, way in (list(ways.items())[::-1] if i % 2 else ways.items()):    # nobody is always the first
            results[name].append(way())
    medians = {name: [statistics.median(column) for column in zip(*v)] for name, v in results.items()}
    print(title)
    for name, (gigabyte, latency, connection) in medians.items():
        print("  %-34s %6.2f Gbit/s   %7.1f us there and back   %6.0f connections/s" % (name, 8 / gigabyte, latency, 1e3 / connection))
    ours = [n for n in medians if n.startswith("carrier")]
    theirs = [n for n in medians if n not in ours]
    for i, what in enumerate(("time for a byte", "latency", "time for a connection") if theirs else ()):
        m = {"ours": min(medians[n][i] for n in ours), "theirs": min(medians[n][i] for n in theirs)}
        rows.append(("%s, %s" % (what, title), m, "ours", "theirs", AIM))


def background(words):
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def served(engine, label, options, ports, made):
    """two servers in one container"""
    name = "bn-" + label
    engine.run(name, options, SERVER + ["sh", "-c", "iperf3 -s -p %d >/dev/null & exec net serve %d" % ports])
    made.append((engine, name))
    return name


def paths(b, title, engines, networks_of, client, net):
    made, inside = [], ("iperf3", "net")
    host_ports, next_port = (5201, 5202), 20000
    servers = [background(SERVER + ["iperf3", "-s", "-p", str(host_ports[0])]), background(SERVER + [net, "serve", str(host_ports[1])])]
    try:
        between, out, into = {}, {}, {}
        for engine in engines:
            for label, options, named in networks_of(engine):
                way = "%s, %s" % (engine.name, label)
                published = (next_port, next_port + 1)
                next_port += 2
                try:
                    server = served(engine, "s%d" % next_port, options + ["-p", "%d:5201" % published[0], "-p", "%d:5202" % published[1]], (5201, 5202), made)
                except SystemExit as e:
                    if engine.name == "carrier":
                        raise
                    print("  %s cannot be compared: %s" % (way, str(e)[-200:]))
                    continue
                user = "bn-c%d" % next_port
                engine.run(user, options, ["sleep", "10000"])
                made.append((engine, user))
                within = engine.words + ["exec", user]
                if named:
                    where = engine.address(server)
                    between[way] = lambda p=within, w=where, e=engine: measure(p, w, (5201, 5202), inside, e.env, e.who)
                out[way] = lambda p=within, e=engine: measure(p, HOST, host_ports, inside, e.env, e.who)
                into[way] = lambda q=published: measure(client, HOST, q, ("iperf3", net), None, {})
        compare("between containers, " + title, between)
        compare("from a container to the host, " + title, out)
        compare("into a container by -p, " + title, into)
    finally:
        for engine, name in made:
            sh(engine.words + ["rm", "-f", "-t", "0", name], env=engine.env, **engine.who)
        for s in servers:
            s.terminate()
            s.wait()


def starts(title, engines, env, who, rounds):
    for what, options, aim in (("default network", [], 1 / 6), ("named network", ["--network", "bn"], 1 / 10)):
        commands = [(e.name, e.words + ["run", "--rm", "--tls-verify=false"] + options + [e.image, "true"], None) for e in engines]
        # so far apart that the kernel has put away the network namespaces of the one before, which it does behind the answer, for up to a second
        m = series("run --rm, %s, %s" % (what, title), commands, rounds, 2000, env, who)
        rows.append(("run --rm, %s, %s" % (what, title), m, "carrier", "podman", aim))


def one(b, title, ours, podman, env, user, client, ref, net):
    who = b.who(user)
    engines = [Engine("carrier", ours, ref, env, who)]
    if podman:
        engines.append(Engine("podman", podman, ref, env, who))

    def networks_of(engine):
        ways = [("named", ["--network", "bn"], True)]
        if engine.name == "carrier":
            return ways + [("private", [], False), ("slirp4netns", ["--network", "slirp4netns"], False), ("pasta", ["--network", "pasta"], False)]
        if user:
            return ways + [("slirp4netns", ["--network", "slirp4netns"], False),
                           ("slirp4netns, its own ports", ["--network", "slirp4netns:port_handler=slirp4netns"], False)]
        return ways + [("default", [], False)]

    for i, e in enumerate(engines):    # neither knows of the other's
        e.must("network", "create", "--subnet", "10.199.%d.0/24" % i, "bn")
    try:
        starts(title, engines, env, who, max(5, b.rounds // 4))
        paths(b, title, engines, networks_of, client, net)
    finally:
        for e in engines:
            sh(e.words + ["network", "rm", "bn"], env=env, **who)


def networks(b):
    ref, net = image(b)
    podman, env = b.podman()
    ours = [b.carrier, "--root", os.path.join(b.dir, "carrier")]
    for words in [ours] + ([podman] if podman else []):
        must(words + ["pull", "-q", "--tls-verify=false", ref], env=env)
    with b.user() as user:
        podman_user, env_user = b.podman(user)
        for words in [[b.carrier]] + ([podman_user] if podman_user else []):
            must(words + ["pull", "-q", "--tls-verify=false", ref], env=env_user, **b.who(user))
        with world() as client:
            one(b, "root", ours, podman, env, None, client, ref, net)
            one(b, "rootless", [b.carrier], podman_user, env_user, user, client, ref, net)
