"""The page of walkthrough, as a file and in a browser."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_explain import HOSTILE, graphs, textbook

import autograd_mini as ag
from autograd_mini import Tensor, Value, steps, walkthrough
from autograd_mini.core.graph import topological_order
from autograd_mini.show.engine import TAGS
from autograd_mini.show.walkthrough import MAX_NODES, depth_first


def neuron() -> Value:
    w, x, b = Value(0.5, "w"), Value(2.0, "x"), Value(-0.25, "b")
    out = (w * x + b).sigmoid()
    out.label = "out"
    return (1 - out) ** 2


def dense() -> Any:
    X = np.arange(12.0).reshape(4, 3) / 10
    W, b = Tensor([[0.5, -1.0], [0.25, 0.0], [-0.5, 1.0]], "W"), Tensor([0.1, -0.1], "b")
    return np.mean(ag.softmax(X @ W + b) ** 2)


def page_of(root: Any, folder: Path, **options: Any) -> str:
    return Path(walkthrough(root, folder / "sweep.html", **options)).read_text("utf-8")


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    assert "<" not in found[1]
    return json.loads(found[1])


# The file


class Tags(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes += attrs


def test_the_page_is_one_file_that_may_ask_for_nothing(tmp_path: Path) -> None:
    page = page_of(neuron(), tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy[1]
    tags = Tags(page)
    assert not {"link", "img", "iframe", "object", "embed", "base", "form"} & set(tags.found)
    assert tags.found.count("script") == 2
    for name, value in tags.attributes:
        assert not name.startswith("on")
        assert name not in ("src", "action", "formaction")
        assert "href" not in name or not str(value).startswith("http")
    assert list(tmp_path.iterdir()) == [tmp_path / "sweep.html"]


def test_the_same_graph_gives_the_same_bytes(tmp_path: Path) -> None:
    assert page_of(neuron(), tmp_path) == page_of(neuron(), tmp_path)


@pytest.mark.parametrize("make", [neuron, dense, lambda: textbook()[0]])
def test_the_numbers_are_those_of_the_sweep(make: Any, tmp_path: Path) -> None:
    root = make()
    before = [np.copy(node.grad) for node in topological_order(root)]
    data = data_of(page_of(root, tmp_path))
    taken = list(steps(root))
    frames = [frame for frame in data["frames"] if frame["phase"] == "backward"]
    place = {node: i for i, node in enumerate(topological_order(root))}
    assert [frame["node"] for frame in frames] == [place[step.node] for step in taken]
    for frame, step in zip(frames, taken, strict=True):
        assert frame["edges"] == [[place[step.node], share.slot] for share in step.received]
        assert len(frame["rows"]) == len(step.received)
    forward = [frame["node"] for frame in data["frames"] if frame["phase"] == "forward"]
    assert forward == [None, *(i for n, i in place.items() if n.parents)]
    assert all(np.array_equal(n.grad, grad) for n, grad in zip(place, before, strict=True))


def test_the_transcript_has_every_step(tmp_path: Path) -> None:
    page = page_of(neuron(), tmp_path)
    items = [html.unescape(item) for item in re.findall(r"<li[^>]*>(.*?)</li>", page)]
    assert items == [frame["sentence"] for frame in data_of(page)["frames"]]


def test_what_cannot_be_walked_through(tmp_path: Path) -> None:
    x = v = Value(1.0, "x")
    for _ in range(MAX_NODES):
        v = v.tanh()
    with pytest.raises(ValueError, match=rf"has {MAX_NODES + 1} nodes.*at most {MAX_NODES}: walk"):
        walkthrough(v, tmp_path / "sweep.html")
    walkthrough(v, tmp_path / "sweep.html", max_nodes=MAX_NODES + 1)
    with pytest.raises(ValueError, match=r"end its name in \.html"):
        walkthrough(x, tmp_path / "sweep.svg")
    with pytest.raises(ValueError, match="needs one number to start from"):
        walkthrough(Tensor([1.0, 2.0]), tmp_path / "other.html")
    with pytest.raises(TypeError, match="not float"):
        walkthrough(1.0, tmp_path / "other.html")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.html"]


def test_a_file_stays_when_the_new_one_fails(tmp_path: Path, monkeypatch: Any) -> None:
    before = page_of(neuron(), tmp_path)
    monkeypatch.setattr("autograd_mini.show.engine._embedded", lambda: None)
    with pytest.raises(RuntimeError, match="graphviz-pure is not installed"):
        walkthrough(dense(), tmp_path / "sweep.html")
    assert (tmp_path / "sweep.html").read_text("utf-8") == before


# Why the order matters


def test_depth_first_goes_wrong_where_a_result_is_used_twice(tmp_path: Path) -> None:
    a = Value(3.0, "a")
    b = a + a
    c = b + b
    wrong = depth_first(topological_order(c), 1.0)
    c.backward()
    assert (wrong[a], a.grad) == (2.0, 4.0)
    c.label = "c"
    page = page_of(c, tmp_path)
    assert "In this graph it gets wrong" in page
    assert "<th scope=row>∂c/∂a</th><td>4</td><td class=wrong>2</td>" in page
    page = page_of(Value(2.0, "w") * 3, tmp_path)
    assert "In this graph both orders give the same." in page
    assert "<th scope=row>∂c/∂a</th><td>4</td><td class=wrong>2</td>" in page


@given(graphs(["add", "mul", "sigmoid"], positive=True))
def test_depth_first_is_right_on_trees_only(nodes: list[Value]) -> None:
    """Interior nodes that are used once pass on all they have in any order."""
    order = topological_order(nodes[-1])
    wrong = depth_first(order, 1.0)
    nodes[-1].backward()
    uses = [parent for node in order for parent in node.parents if isinstance(parent, Value)]
    used_twice = [n for n in order if n.parents and sum(u is n for u in uses) > 1]
    if not used_twice:
        assert all(math.isclose(wrong[n], n.grad, rel_tol=1e-12) for n in order)
    assert all(wrong[n] <= n.grad * (1 + 1e-12) for n in order)


# Hostile labels


@given(first=st.text() | st.sampled_from(HOSTILE), second=st.text() | st.sampled_from(HOSTILE))
@example(first=HOSTILE[0], second=HOSTILE[1])
@example(first="</script x", second="<!--<script>")
def test_a_label_stays_text(first: str, second: str, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("page")
    plain = Tags(page_of(Value(2.0, "x") * Value(3.0, "y"), folder)).found
    page = page_of(Value(2.0, first) * Value(3.0, second), folder)
    tags = Tags(page)
    assert of_the_page(tags.found) == of_the_page(plain)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert all(name.isprintable() for name in data_of(page)["names"])


def of_the_page(tags: list[str]) -> list[str]:
    """Without what Graphviz draws with: a label tells how many pieces, and layers, there are."""
    return [tag for tag in tags if tag not in TAGS or tag == "svg"]


# In a browser

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
    if not CHROMIUM or not DRIVER:
        pytest.skip("needs the programs chromium and chromedriver on PATH")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()
    service.stop()


@pytest.mark.parametrize("width", [1280, 400])
def test_the_picture_of_a_report_fits_its_page(browser: Any, tmp_path: Path, width: int) -> None:
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(6, 3)), np.eye(2)[[0, 1, 0, 1, 1, 0]]

    def loss(W1: Any, b1: Any, W2: Any) -> Any:
        return np.mean((ag.sigmoid(X @ W1 + b1) @ W2 - t) ** 2)

    params = {"W1": rng.normal(size=(3, 4)), "b1": np.zeros(4), "W2": rng.normal(size=(4, 2))}
    ag.check_gradients(loss, params).save(tmp_path / "report.html")
    natural = re.search(r"--natural: (\d+)px", (tmp_path / "report.html").read_text("utf-8"))
    assert natural is not None
    if width > 1000:
        width = int(0.9 * int(natural[1]))  # the picture must shrink to fit
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get((tmp_path / "report.html").as_uri())
        found = browser.execute_script(
            "const box = document.querySelector('.picture'), svg = box.querySelector('svg');"
            "return {page: document.documentElement.scrollWidth, box: box.clientWidth,"
            " drawn: box.scrollWidth, scale: svg.getScreenCTM().a}"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert found["page"] <= width
    assert found["scale"] > 0.8  # letters of 9 points are 9 pixels at 0.75
    if width > 400:
        assert found["drawn"] <= found["box"]


def test_a_line_of_a_report_shows_its_box_and_a_box_its_line(browser: Any, tmp_path: Path) -> None:
    X = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 1.0]])

    def loss(w: Any) -> Any:
        z = X @ w
        return np.sum(np.tanh(z) ** 2)

    def manual(w: Any) -> dict[str, Any]:
        a = np.tanh(X @ w)
        dz = 2 * a * (1 + a**2)
        return {"z": dz, "w": X.T @ dz}

    report = ag.check_gradients(loss, {"w": np.array([0.5, -0.3])}, manual)
    report.save(tmp_path / "report.html")
    browser.get((tmp_path / "report.html").as_uri())
    target = "return document.querySelector(':target')"
    assert browser.execute_script(target) is None
    line = browser.find_element("css selector", ".code .row.differ > a")
    line.send_keys("\n")  # as the keyboard has it
    box = browser.execute_script(target)
    assert "node" in box.get_attribute("class").split()
    assert box.find_element("css selector", "text").text == "z"
    browser.execute_script("arguments[0].querySelector('a').focus()", box)
    box.find_element("css selector", "a").send_keys("\n")
    row = browser.execute_script(target)
    assert row.get_attribute("class") == "row differ"
    assert "dz = 2 * a * (1 + a**2)" in row.text
    assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


class Page:
    """A walkthrough, opened."""

    def __init__(self, browser: Any, root: Any, folder: Path) -> None:
        self.browser, self.root = browser, root
        path = Path(walkthrough(root, folder / "sweep.html"))
        self.frames = data_of(path.read_text("utf-8"))["frames"]
        self.names = data_of(path.read_text("utf-8"))["names"]
        self.prefix = data_of(path.read_text("utf-8"))["prefix"]
        browser.get_log("performance")
        browser.get(path.as_uri())

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    @property
    def at(self) -> int:
        at = int(self.find("#at").get_attribute("value"))
        assert self.find("#count").text == f"step {at + 1} of {len(self.frames)}"
        assert self.find("#sentence").text == self.frames[at]["sentence"]
        (current,) = self.all("#words li[aria-current=step]")
        assert current.text == self.frames[at]["sentence"]
        return at

    def press(self, keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(keys).perform()

    def table(self, selector: str) -> list[list[str]]:
        script = (
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')]"
            ".map(row => [...row.cells].map(cell => cell.textContent))"
        )
        found: list[list[str]] = self.browser.execute_script(script, selector)
        return found

    def texts(self, node: int) -> list[str]:
        script = (
            "return [...document.getElementById(arguments[0]).querySelectorAll('text')]"
            ".map(text => text.textContent.trim()).filter(Boolean)"
        )
        found: list[str] = self.browser.execute_script(script, f"{self.prefix}_n{node}")
        return found

    def check_quiet(self) -> None:
        """No error in the console, and no request but the page itself."""
        assert self.browser.get_log("browser") == []
        messages = [json.loads(entry["message"]) for entry in self.browser.get_log("performance")]
        asked = [
            m["message"]["params"]["request"]["url"]
            for m in messages
            if m["message"]["method"] == "Network.requestWillBeSent"
        ]
        assert asked == [self.browser.current_url]
        entries = self.browser.execute_script("return performance.getEntriesByType('resource')")
        assert entries == []


def test_every_control_works(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path)
    last = len(page.frames) - 1
    assert page.at == 0
    assert not page.find("#back").is_enabled()
    page.find("#next").click()
    page.find("#next").click()
    assert page.at == 2
    page.find("#back").click()
    assert page.at == 1
    page.find("#last").click()
    assert page.at == last
    assert not page.find("#next").is_enabled()
    page.find("#first").click()
    assert page.at == 0
    page.find("#play").click()
    assert page.find("#play").get_attribute("aria-label") == "Pause"
    wait_until(lambda: page.find("#at").get_attribute("value") == "1")
    page.find("#play").click()
    assert page.at == 1
    assert page.find("#play").get_attribute("aria-label") == "Play"
    page.find("#size").click()
    assert page.find("#picture").get_attribute("class") == "whole"
    page.find("#at").click()  # in the middle
    assert 0 < page.at < last
    page.check_quiet()


def test_the_keyboard(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    page = Page(browser, neuron(), tmp_path)
    last = len(page.frames) - 1
    for key, at in [
        (Keys.ARROW_RIGHT, 1), (Keys.ARROW_RIGHT, 2), (Keys.ARROW_LEFT, 1), (Keys.END, last),
        (Keys.ARROW_RIGHT, last), (Keys.HOME, 0), (Keys.ARROW_LEFT, 0),
    ]:  # fmt: skip
        page.press(key)
        assert page.at == at
    page.press(" ")
    wait_until(lambda: page.find("#at").get_attribute("value") == "1")
    page.press(" ")
    assert page.at == 1
    assert page.find("#play").get_attribute("aria-pressed") == "false"
    page.find("#at").click()
    at = page.at
    page.press(Keys.ARROW_RIGHT)  # the slider's own key: one step, not two
    assert page.at == at + 1
    page.check_quiet()


@pytest.mark.parametrize("make", [neuron, dense, lambda: textbook()[0]])
def test_the_numbers_on_the_page_are_the_engine_s(make: Any, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    from autograd_mini.show.boxes import _rows

    root = make()
    page = Page(browser, root, tmp_path)
    order = topological_order(root)
    taken = {step.node: step for step in steps(root)}
    reverse = list(taken.values())
    for at, frame in enumerate(page.frames):
        assert page.at == at
        assert page.table("#numbers") == frame["rows"]
        if frame["phase"] == "backward":
            step = reverse[at - sum(f["phase"] == "forward" for f in page.frames)]
            shown = {row[0]: row[2] for row in page.table("#totals")}
            for i, node in enumerate(order):
                if node in step.totals:
                    assert read(shown[page.names[i]]) == bounds(step.totals[node])
                else:
                    assert shown[page.names[i]] == ""
            now = page.all("g.node.now")
            assert [g.get_attribute("id") for g in now] == [f"{page.prefix}_n{frame['node']}"]
            used = {g.get_attribute("id") for g in page.all("g.edge.used")}
            assert used == {f"{page.prefix}_e{i}_{k}" for i, k in frame["edges"]}
        page.press(Keys.ARROW_RIGHT)
    for i, node in enumerate(order):  # in the end the picture shows every number
        total = taken[node].gradient if node in taken else node.zero()
        cells = [c for row in _rows("gradient", np.asarray(total)) if row[0] for c in row[1:]]
        texts = page.texts(i)
        assert texts[texts.index("gradient") + 1 :][: len(cells)] == cells
    page.check_quiet()


def read(text: str) -> list[float]:
    return [
        float(n) for n in re.findall(r"-?(?:[\d.]+(?:e[+-]?\d+)?|inf|nan)", text.replace("−", "-"))
    ]


def bounds(total: Any) -> list[float]:
    """The numbers that a text shows of a gradient, to four digits."""
    array = np.asarray(total)
    if np.all(array == array.flat[0]):
        numbers = [array.flat[0]]
    elif array.size <= 6:
        numbers = list(array.flat)
    else:
        numbers = [array.min(), array.max()]
    return [float(f"{n:.4g}") + 0.0 for n in numbers]


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out_of_the_page(width: int, browser: Any, tmp_path: Path) -> None:
    page = Page(browser, textbook()[0], tmp_path)
    metrics = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        for button in ("#next", "#last"):
            page.find(button).click()
            assert browser.execute_script(
                "return document.documentElement.scrollWidth"
            ) <= browser.execute_script("return innerWidth")
        for button in page.all("#controls button"):
            assert button.size["height"] >= 44
            assert button.location["x"] + button.size["width"] <= width
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_hostile_labels_in_the_browser(browser: Any, tmp_path: Path) -> None:
    values = [Value(float(i), label) for i, label in enumerate(HOSTILE)]
    root = ag.weighted_sum(values, values)
    page = Page(browser, root, tmp_path)
    page.find("#last").click()
    assert page.at == len(page.frames) - 1
    assert [row[0] for row in page.table("#totals")] == page.names
    page.check_quiet()


def wait_until(condition: Any) -> None:
    import time

    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "waited for 10 seconds"
        time.sleep(0.05)
