"""What is kept, and what goes first."""

from modules.engine.remembered import Remembered, recall


def test_the_least_recently_used_goes_first_and_one_alone_may_be_larger():
    known: Remembered[str] = Remembered()
    known.limit = 10
    for key in "abc":
        known.put(key, key.upper(), 4)
    assert [known.get(key) for key in "abc"] == [None, "B", "C"]
    known.get("b")
    known.put("d", "D", 4)
    assert (known.get("c"), known.get("b"), known.bytes) == (None, "B", 8)
    known.put("whole", "W", 99)
    assert (len(known), known.get("whole"), known.bytes) == (1, "W", 99)


def test_what_changed_its_own_key_in_the_making_is_kept_under_the_new_one():
    known: Remembered[int] = Remembered()
    precision = ["fp16"]

    def compute() -> int:
        precision[0] = "fp32"
        return 5

    assert recall(known, lambda: precision[0], compute, lambda _: 1) == 5
    assert (known.get("fp16"), known.get("fp32")) == (None, 5)
