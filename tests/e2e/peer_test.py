"""What the comparison with buildah must see, must let pass, and must not let pass unexplained."""
import contextlib, io, json, os, tempfile, unittest

import peer


class Arguments(unittest.TestCase):
    def test_what_both_are_given(self):
        build = peer.Build(["--pull=false", "-f", "c/X", "-t", "a", "-o", "out", "--build-arg", "A=b", "--no-cache", "c"])
        self.assertEqual(build.again(), ["c", "--pull=false", "--file=c/X", "--build-arg=A=b"])
        theirs = build.theirs({"nofile": "1:2"})
        self.assertEqual(theirs[-3:], ["--file=c/X", "--build-arg=A=b", "c"])
        self.assertIn("nofile=1:2", theirs)
        self.assertEqual(build.dockerfile(), "c/X")

    def test_an_own_limit_of_the_build_stays(self):
        words = peer.Build(["--ulimit", "nofile=7:7", "c"]).theirs({"nofile": "1:2", "nproc": "3:3"})
        self.assertNotIn("nofile=1:2", words)
        self.assertIn("nproc=3:3", words)

    def test_several_targets_and_platforms(self):
        builds = list(peer.Build(["--target", "a,b", "--platform", "linux/ppc64le,linux/s390x", "c"]).singles())
        self.assertEqual([build.values("target") for build in builds], [["a"], ["b"]])
        self.assertEqual(builds[0].values("platform"), ["linux/ppc64le"])


class Configs(unittest.TestCase):
    def test_each_member_is_seen(self):
        for member, value in [("User", "u"), ("Env", ["A=b"]), ("Entrypoint", ["e"]), ("Cmd", ["c"]), ("WorkingDir", "/w"),
                              ("ExposedPorts", {"1/tcp": {}}), ("Volumes", {"/v": {}}), ("Labels", {"k": ""}), ("StopSignal", "9"),
                              ("Shell", ["s"]), ("Healthcheck", {"Test": ["NONE"]}), ("OnBuild", ["RUN x"])]:
            with self.subTest(member):
                self.assertEqual(len(list(peer.configs({"config": {member: value}}, {"config": {}}))), 1)
        self.assertEqual(list(peer.configs({"config": {"User": "", "Cmd": None}}, {"config": {"Labels": {}}})), [])

    def test_the_order_of_the_environment_is_told_apart(self):
        found = list(peer.configs({"config": {"Env": ["A=1", "B=2"]}}, {"config": {"Env": ["B=2", "A=1"]}}))
        self.assertEqual(len(found), 1)
        self.assertTrue(found[0].startswith("config Env order: "))

    def test_only_what_buildah_left_in_empty_places_is_passed_over(self):
        self.assertTrue(peer.passed_over("etc/hosts: only in the second"))
        self.assertTrue(peer.passed_over("run/.containerenv: only in the second"))
        self.assertFalse(peer.passed_over("etc/hosts: only in the first"))
        self.assertFalse(peer.passed_over("etc/hosts: size: 1 != 2"))
        self.assertFalse(peer.passed_over("etc/passwd: only in the second"))


class Reports(unittest.TestCase):
    def report(self, explanations, records, complete=False):
        with tempfile.TemporaryDirectory() as directory:
            table, results = os.path.join(directory, "table"), os.path.join(directory, "results")
            with open(table, "w") as file:
                file.write(explanations)
            with open(results, "w") as file:
                file.writelines(json.dumps({"case": "c", "file": "f", "arguments": "a", "output": ["o"]} | record) + "\n"
                                for record in records)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                code = peer.report(results, complete, table)
            return code, out.getvalue()

    EXPLAINED = "# a comment\npattern: ^c f: a: mode:\nrows: COPY-18\nwhy: it is so\n"

    def test_explained_or_not(self):
        one = {"verdict": "different", "differences": ["a: mode: 1 != 2"]}
        two = {"verdict": "different", "differences": ["a: mode: 1 != 2", "b: mode: 1 != 2"]}
        self.assertEqual(self.report(self.EXPLAINED, [one, {"verdict": "equal"}])[0], 0)
        code, out = self.report(self.EXPLAINED, [two])
        self.assertEqual(code, 1)
        self.assertIn("UNEXPLAINED c f: b: mode", out)
        for record in [{"verdict": "refused", "reason": "no"}, {"verdict": "failed", "reason": "no"}]:
            self.assertEqual(self.report(self.EXPLAINED, [one, record])[0], 1)

    def test_nothing_compared_is_no_success(self):
        self.assertEqual(self.report(self.EXPLAINED, [])[0], 1)

    def test_what_explains_nothing_is_told_when_all_ran(self):
        self.assertEqual(self.report(self.EXPLAINED, [{"verdict": "equal"}])[0], 0)
        self.assertEqual(self.report(self.EXPLAINED, [{"verdict": "equal"}], complete=True)[0], 1)


if __name__ == "__main__":
    unittest.main()
