"""Planted differences of each kind: a comparer that cannot fail proves nothing."""
import copy, unittest

from image_tree import differences

ROW = {"type": "file", "mode": 0o644, "uid": 0, "gid": 0, "mtime": 1, "size": 1, "sha256": "aa", "xattrs": {}, "links": []}
DEVICE = {"type": "char", "mode": 0o600, "uid": 0, "gid": 0, "mtime": 1, "device": (1, 3), "xattrs": {}, "links": []}


class Planted(unittest.TestCase):
    def check(self, change, path="f", ignore_mtime=False):
        left = {"f": copy.deepcopy(ROW), "d": copy.deepcopy(DEVICE)}
        right = copy.deepcopy(left)
        self.assertEqual(list(differences(left, right, False, [])), [])
        change(right)
        return list(differences(left, right, ignore_mtime, []))

    def test_each_member_is_seen(self):
        for key, value in [("mode", 0o4755), ("uid", 1), ("gid", 1), ("mtime", 2), ("sha256", "bb"), ("size", 2),
                           ("type", "fifo"), ("xattrs", {"security.capability": "01"}), ("links", ["f", "g"])]:
            with self.subTest(key):
                self.assertEqual(len(self.check(lambda tree: tree["f"].__setitem__(key, value))), 1)

    def test_device_numbers_are_seen(self):
        self.assertEqual(len(self.check(lambda tree: tree["d"].__setitem__("device", (1, 5)))), 1)

    def test_missing_and_surplus_are_seen(self):
        self.assertEqual(len(self.check(lambda tree: tree.pop("f"))), 1)
        self.assertEqual(len(self.check(lambda tree: tree.__setitem__("g", copy.deepcopy(ROW)))), 1)

    def test_mtime_can_be_ignored(self):
        self.assertEqual(self.check(lambda tree: tree["f"].__setitem__("mtime", 9), ignore_mtime=True), [])


if __name__ == "__main__":
    unittest.main()
