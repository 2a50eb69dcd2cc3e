"""The page of walkthrough in a browser: every control, edits, quiz; its numbers, and no request."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import report_of_a_wrong_slope
from test_explain import HOSTILE, textbook
from test_walkthrough import data_of, dense, neuron

import autograd_mini as ag
from autograd_mini import Tensor, Value, steps, walkthrough
from autograd_mini.check.result import CAUSES
from autograd_mini.core.graph import rebuild, reverse_sweep, topological_order

SIZES = [(1366, 660), (768, 1024), (360, 640)]


def network(sizes: tuple[int, ...] = (2, 4, 2), samples: int = 3) -> Value:
    """A network of Values, without a word to the page."""
    rng = np.random.default_rng(0)
    weights = [
        [[Value(w, f"w{k}[{j},{i}]") for i, w in enumerate(row)] for j, row in enumerate(layer)]
        for k, layer in enumerate(
            (rng.normal(size=s) for s in zip(sizes[1:], sizes, strict=False)), 1
        )
    ]
    biases = [[Value(0.1 * j, f"b{k}[{j}]") for j in range(n)] for k, n in enumerate(sizes[1:], 1)]
    loss: Any = 0.0
    for sample in rng.normal(size=(samples, sizes[0])):
        h: Any = list(sample)
        for layer, bias in zip(weights, biases, strict=True):
            h = [
                sum((w * x for w, x in zip(row, h, strict=True)), b).tanh()
                for row, b in zip(layer, bias, strict=True)
            ]
        loss = loss + sum((o - 0.5) ** 2 for o in h)
    found: Value = loss
    return found


class Page:
    """A walkthrough, opened."""

    def __init__(
        self, browser: Any, root: Any, folder: Path, link: str = "", **options: Any
    ) -> None:
        self.browser, self.root = browser, getattr(root, "root", root)
        path = Path(walkthrough(root, folder / "sweep.html", **options))
        self.source = path.read_text("utf-8")
        data = data_of(self.source)
        self.frames, self.names, self.data = data["frames"], data["names"], data
        browser.get_log("performance")
        browser.get("about:blank")
        browser.get(path.as_uri() + link)

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def all(self, selector: str) -> list[Any]:
        found: list[Any] = self.browser.find_elements("css selector", selector)
        return found

    def run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        found: str = self.run("return document.querySelector(arguments[0]).textContent", selector)
        return found

    def tab(self, name: str) -> None:
        self.find(f"#tab-{name}").click()

    @property
    def at(self) -> int:
        at = int(self.find("#at").get_attribute("value"))
        assert self.find("#count").text == f"step {at + 1} of {len(self.frames)}"
        assert self.browser.current_url.endswith(f"#step={at + 1}")
        current = self.run(
            "return [...document.querySelectorAll('#transcript li[aria-current=step]')]"
            ".map(item => item.textContent)"
        )
        assert current == [self.find("#sentence").text]
        return at

    def press(self, keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(keys).perform()

    def table(self, selector: str) -> list[list[str]]:
        found: list[list[str]] = self.run(
            "return [...document.querySelectorAll(arguments[0] + ' tbody tr')]"
            ".map(row => [...row.cells].map(cell => cell.textContent))",
            selector,
        )
        return found

    def texts(self, node: int) -> list[str]:
        found: list[str] = self.run(
            "return [...document.getElementById(arguments[0]).querySelectorAll('text')]"
            ".map(text => text.textContent.trim()).filter(Boolean)",
            f"{self.data['pictures'][0]['prefix']}_n{node}",
        )
        return found

    def numbers(self, of: str) -> list[list[float]]:
        """What the page has computed, to the last bit."""
        found = self.run(
            "return walkthrough.numbers()[arguments[0]].map(q => q.data.map(String))", of
        )
        return [[float(x.replace("Infinity", "inf")) for x in q] for q in found]

    def check_numbers(self, leaves: dict[Any, Any] | None = None) -> None:
        """All values and gradients are the engine's, with other leaves if need be."""
        order = topological_order(self.root)
        made = rebuild(order, leaves or {})
        order = [made.get(node, node) for node in order]
        gradients = dict(reverse_sweep(order, order[-1].seed(None), masked=True))
        pairs = [
            (self.numbers("value"), [node.data for node in order]),
            (self.numbers("gradient"), [gradients.get(node, node.zero()) for node in order]),
        ]
        for ours, engine in pairs:
            scale = max(np.max(np.abs(e), initial=0.0) for e in engine)
            for mine, its in zip(ours, engine, strict=True):
                assert np.allclose(mine, np.ravel(its), rtol=1e-12, atol=1e-12 * scale)

    def check_quiet(self) -> None:
        """No error in the console, and no request but the page itself."""
        assert self.browser.get_log("browser") == []
        messages = [json.loads(entry["message"]) for entry in self.browser.get_log("performance")]
        asked = [
            m["message"]["params"]["request"]["url"]
            for m in messages
            if m["message"]["method"] == "Network.requestWillBeSent"
        ]
        assert {url.partition("#")[0] for url in asked} <= {
            "about:blank",
            self.browser.current_url.partition("#")[0],
        }
        assert self.run("return performance.getEntriesByType('resource')") == []


@pytest.fixture
def sized(browser: Any) -> Any:
    """Sets the size of the window, and whether it is dark."""

    def set_size(width: int, height: int, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    yield set_size
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


# Steps


def test_every_control_of_the_steps(browser: Any, tmp_path: Path, sized: Any) -> None:
    sized(1366, 660)
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
    page.run("walkthrough.go(arguments[0])", last)
    page.find("#play").click()  # from the end it begins again
    assert page.at == 0
    page.run("walkthrough.go(arguments[0])", last - 1)
    page.find("#play").click()
    wait_until(lambda: page.find("#play").get_attribute("aria-label") == "Play")
    assert page.at == last
    page.find("#at").click()  # in the middle
    assert 0 < page.at < last
    width = "return document.querySelector('.picture svg').getBoundingClientRect().width"
    before = page.run(width)
    page.find("#larger").click()
    assert page.run(width) > before
    page.find("#smaller").click()
    assert page.run(width) == pytest.approx(before)
    page.find("#size").click()
    assert page.run(
        "const p = document.getElementById('pictures'); return p.scrollWidth <= p.clientWidth"
    )
    for name in ("node", "change", "descend", "known", "transcript", "order", "step"):
        page.tab(name)
        shown = [
            panel.get_attribute("aria-labelledby")
            for panel in page.all("[role=tabpanel]")
            if panel.is_displayed()
        ]
        assert shown == [f"tab-{name}"]
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
    page.run("document.querySelector('g.node[tabindex=\"0\"]').focus()")
    page.press(Keys.ARROW_UP)
    page.press(Keys.ENTER)
    focused = page.run("return document.activeElement.id").rpartition("_n")[2]
    assert page.find("#node h3").text == page.names[int(focused)]
    page.find("#tab-node").click()
    at = page.at
    for key, tab in [
        (Keys.ARROW_RIGHT, "change"), (Keys.ARROW_LEFT, "node"), (Keys.END, "order"),
        (Keys.ARROW_RIGHT, "step"), (Keys.END, "order"), (Keys.HOME, "step"),
    ]:  # fmt: skip
        page.press(key)
        assert page.run("return document.activeElement.id") == f"tab-{tab}"
        stops = [t.get_attribute("id") for t in page.all("[role=tab][tabindex='0']")]
        assert stops == [f"tab-{tab}"]  # Tab goes on from the one that is open
    assert page.at == at
    page.check_quiet()


def test_what_a_screen_reader_is_told(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path, "#step=5")
    spoken = page.find("#sentence")
    for attribute, value in (("role", "status"), ("aria-live", "polite"), ("aria-atomic", "true")):
        assert spoken.get_attribute(attribute) == value
    assert page.find("#at").get_attribute("aria-valuetext") == f"step 5: {spoken.text}"
    page.find("#next").click()
    assert page.find("#at").get_attribute("aria-valuetext") == f"step 6: {spoken.text}"
    assert {box.get_attribute("role") for box in page.all("g.node")} == {"button"}
    page.tab("change")
    assert all(field.accessible_name for field in page.all(".leaf input"))


FOCUSED = """
const one = document.activeElement, edge = one.querySelector(".border");
const style = getComputedStyle(one);
return [one.tagName, one.id, style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
  edge ? parseFloat(getComputedStyle(edge).strokeWidth) : 0];
"""


def test_what_has_the_focus_is_seen(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    page = Page(browser, neuron(), tmp_path, "#step=5")
    seen = set()
    for _ in range(40):
        page.press(Keys.TAB)
        tag, name, outline, border = page.run(FOCUSED)
        if tag == "BODY":
            break
        assert border >= 4 if tag == "g" else outline >= 3, (tag, name)
        seen.add(name)
    assert {"pictures", "larger", "tab-step", "step", "back", "play", "next", "at"} <= seen


SVG = "document.querySelector('.picture:not([hidden]) svg')"
WIDTH = f"return {SVG}.getBoundingClientRect().width"
WHOLE = f"""
const room = document.getElementById("pictures").getBoundingClientRect(),
  picture = {SVG}.getBoundingClientRect();
return picture.width <= room.width && picture.height <= room.height;
"""
WHEEL = f"""
const room = document.getElementById("pictures").getBoundingClientRect();
const x = room.left + room.width * 0.4, y = room.top + room.height * 0.5;
const at = () => {{
  const s = {SVG}.getBoundingClientRect();
  return [(x - s.left) / s.width, (y - s.top) / s.height];
}};
const before = at(), event = new WheelEvent("wheel", {{
  deltaY: -150, clientX: x, clientY: y, ctrlKey: arguments[0], bubbles: true, cancelable: true }});
{SVG}.dispatchEvent(event);
return [event.defaultPrevented, before, at()];
"""


def test_zoom_and_pan(browser: Any, tmp_path: Path, sized: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    sized(1366, 660)
    page = Page(browser, textbook()[0], tmp_path, "#step=12")
    before = page.run(WIDTH)
    page.press("+")
    assert page.run(WIDTH) == pytest.approx(1.25 * before)
    assert page.run(NOW_IS_IN_VIEW)
    page.press("-")
    assert page.run(WIDTH) == pytest.approx(before)
    page.press("0")
    assert page.run(WHOLE)
    assert page.find("#size").get_attribute("aria-pressed") == "true"
    sized(900, 500)
    wait_until(lambda: page.run(WHOLE))  # it stays whole
    sized(1366, 660)
    page.press("0")
    wait_until(lambda: page.run(WIDTH) == pytest.approx(before))
    assert page.find("#size").get_attribute("aria-pressed") == "false"
    page.press("++++")
    before = page.run(WIDTH)
    prevented, was, now = page.run(WHEEL, True)
    assert prevented
    assert page.run(WIDTH) == pytest.approx(before * 2**0.5, abs=1 / 32)  # of 64ths of a pixel
    assert was == pytest.approx(now, abs=0.01)  # what is below the pointer stays there
    assert page.run(WHEEL, False)[0] is False
    scrolled = "return document.getElementById('pictures').scrollLeft"
    left = page.run(scrolled)
    drag = ActionChains(browser).move_to_element(page.find("#pictures")).click_and_hold()
    drag.move_by_offset(60, 0).release().perform()
    assert page.run(scrolled) == pytest.approx(left - 60, abs=1)
    assert page.find("#tab-step").get_attribute("aria-selected") == "true"  # it was no click
    page.find("g.node.now").click()
    assert page.find("#tab-node").get_attribute("aria-selected") == "true"
    page.check_quiet()


def test_two_fingers_on_a_phone(browser: Any, tmp_path: Path, sized: Any) -> None:
    """Headless Chromium has no pinch: what it does is set, and that nothing forbids it is seen."""
    sized(360, 640)
    page = Page(browser, textbook()[0], tmp_path, "#step=12")
    viewport = page.find("meta[name=viewport]").get_attribute("content")
    assert viewport == "width=device-width, initial-scale=1"
    touched = "return [...document.querySelectorAll('*')].map(e => getComputedStyle(e).touchAction)"
    assert set(page.run(touched)) == {"auto"}
    browser.execute_cdp_cmd("Emulation.setPageScaleFactor", {"pageScaleFactor": 2})
    page.run("document.getElementById('next').click()")
    assert page.at == 12
    assert page.run("return visualViewport.scale") == 2
    check_that_all_is_in_view(page)


def test_a_link_opens_at_its_step(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path, "#step=7")
    assert page.at == 6
    page.run("location.hash = '#step=3'")
    wait_until(lambda: page.find("#at").get_attribute("value") == "2")
    assert page.at == 2
    for link in ("#step=99999", "#step=0", "#step=x", "#nothing"):
        page = Page(browser, neuron(), tmp_path, link)
        assert page.at == (len(page.frames) - 1 if link == "#step=99999" else 0)
    page.check_quiet()


@pytest.mark.parametrize("make", [neuron, dense, network])
def test_the_numbers_of_every_step(make: Any, browser: Any, tmp_path: Path) -> None:
    from autograd_mini.show.boxes import _rows

    root = make()
    taken = {step.node: step for step in steps(root)}
    page = Page(browser, root, tmp_path)
    page.check_numbers()
    order = topological_order(root)
    page.tab("known")
    told = [item.sentence for item in taken.values()]
    first = sum(frame["phase"] == "forward" for frame in page.frames)
    for at, frame in enumerate(page.frames):
        if len(page.frames) > 60 and at % 20:
            continue
        page.run("walkthrough.go(arguments[0])", at)
        if frame["phase"] == "backward":
            assert page.text("#sentence") == told[at - first]
            step = taken[order[frame["node"]]]
            shown = {row[0]: row[2] for row in page.table("#totals")}
            for i, node in enumerate(order):
                if node in step.totals:
                    assert read(shown[page.names[i]]) == bounds(step.totals[node])
                else:
                    assert shown[page.names[i]] == ""
    page.find("#last").click()
    if len(page.data["pictures"]) == 1:
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


def test_arrows_turn_and_local_derivatives_wait_for_their_step(
    browser: Any, tmp_path: Path
) -> None:
    page = Page(browser, neuron(), tmp_path)
    visible = (
        "return [...document.querySelectorAll('g.edge text')]"
        ".filter(t => t.textContent.trim() && getComputedStyle(t).visibility === 'visible')"
        ".map(t => t.textContent)"
    )
    turned = "return document.querySelectorAll('g.edge.turned').length"
    assert page.run(visible) == []
    assert page.run(turned) == 0
    first = next(i for i, frame in enumerate(page.frames) if frame["phase"] == "backward")
    page.run("walkthrough.go(arguments[0])", first)
    assert len(page.run(visible)) == 2  # the formula and its number
    assert page.run(turned) == len(page.data["uses"])  # nothing flows to constants
    page.find("#last").click()
    assert len(page.run(visible)) > 4
    page = Page(browser, dense(), tmp_path, "#step=9999")
    constants = [name for name, tail, _, _ in page.data["pictures"][0]["arrows"] if tail < 0]
    assert constants
    assert page.run(turned) == len(page.data["pictures"][0]["arrows"]) - len(constants)
    assert len(page.all("g.edge.idle")) == len(constants)


def test_the_step_stands_out(browser: Any, tmp_path: Path) -> None:
    style = "return getComputedStyle(arguments[0])[arguments[1]]"
    colours = set()
    page = Page(browser, neuron(), tmp_path)
    for step in (1, len(page.frames) - 2):
        page.run("walkthrough.go(arguments[0])", step)
        border = page.find("g.node.now .border")
        assert page.run(style, border, "strokeWidth") == "3px"
        colours.add(page.run(style, border, "stroke"))
        assert page.run(style, page.find("#phase"), "color") == page.run(style, border, "stroke")
    assert len(colours) == 2  # one for each way
    page.run("walkthrough.go(1)")
    fades = "return arguments[0].getAnimations().forEach(a => a.finish())"
    later = page.find("g.node.later")
    page.run(fades, later)
    assert float(page.run(style, later, "opacity")) < 0.5


# What is changed


def dense_relu() -> Any:
    X = np.array([[1.0, -2.0], [0.5, 0.25], [3.0, 1.0]])
    W, b = Tensor([[0.5, -1.0], [0.25, 0.75]], "W"), Tensor([0.1, -0.1], "b")
    return np.mean(np.maximum(X @ W + b, 0) ** 2) + 0.1 * np.sum(abs(W))


def picked() -> Any:
    x = Tensor([[0.5, 1.5], [2.5, -1.0]], "x")
    y = Tensor([0.5, 0.25], "y")
    return np.max(x, axis=0) @ np.sort(x[1]) + np.sum(np.linalg.solve(x, ag.gelu(y)))


def chained() -> Any:
    x = Tensor([[0.5, 1.5], [2.5, -1.0]], "x")
    y = np.concatenate([x, x.T * 2])[::2].reshape(-1)
    return ag.log(np.sum(np.exp(np.cumsum(y) / 3)) + np.var(x) + np.linalg.norm(x))


@pytest.mark.parametrize("make", [neuron, network, dense_relu, chained, picked])
def test_a_changed_leaf_changes_all_numbers_as_the_engine_has_it(
    make: Any, browser: Any, tmp_path: Path
) -> None:
    root = make()
    page = Page(browser, root, tmp_path, "#step=9999")
    rng = np.random.default_rng(1)
    order = topological_order(root)
    place = {node: i for i, node in enumerate(order)}
    leaves = [node for node in order if not node.parents]
    changed = {}
    for node in leaves:
        data = node.data + rng.normal(size=np.shape(node.data))
        changed[node] = type(node)(float(data) if isinstance(node, Value) else data)
        places = page.data["program"]["nodes"][place[node]]
        page.run(
            "walkthrough.change(new Map(arguments[0]))",
            list(zip(places, np.ravel(data).tolist(), strict=True)),
        )
    page.check_numbers(changed)
    assert page.all("text.moved")
    page.tab("change")
    page.find("#reset").click()
    page.check_numbers()
    page.check_quiet()


def test_sliders_and_fields(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path, "#step=9999")
    page.tab("change")
    names = [label.text for label in page.all(".leaf label")]
    assert names == ["b", "w", "x"]
    field = page.find(f"#leaf{names.index('w')}")
    field.clear()
    field.send_keys("1.5\n")
    order = topological_order(page.root)
    w = next(node for node in order if node.label == "w")
    page.check_numbers({w: Value(1.5)})
    page.tab("known")
    (row,) = [row for row in page.table("#totals") if row[0] == "w"]
    assert row[1] == "1.5 (was 0.5)"
    assert page.all("text.moved")
    page.tab("change")
    slider = page.all(".leaf input[type=range]")[names.index("w")]
    page.run("arguments[0].value = -2; arguments[0].dispatchEvent(new Event('input'))", slider)
    page.check_numbers({w: Value(-2.0)})
    assert float(field.get_attribute("value")) == -2
    field.clear()
    field.send_keys("no\n")
    page.check_numbers({w: Value(-2.0)})
    assert field.get_attribute("aria-invalid") == "true"
    field.clear()
    field.send_keys("50\n")  # beyond the slider's end
    assert float(slider.get_attribute("max")) == float(slider.get_property("value")) == 50
    sentence = page.find("#sentence").text
    page.find("#reset").click()
    page.check_numbers()
    assert page.find("#sentence").text == sentence  # that of the end has no numbers
    page.check_quiet()


def test_a_long_number_keeps_clear_of_its_label(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path, "#step=9999")
    i = page.names.index("w")
    (place,) = page.data["program"]["nodes"][i]
    page.run("walkthrough.change(new Map([[arguments[0], -1.2345e-205]]))", place)
    label, number = page.run(
        "return [...document.getElementById(arguments[0]).querySelectorAll('text')]"
        ".filter(t => /^(value|-1.23)/.test(t.textContent.trim())).map(t => {"
        " const { left, right } = t.getBoundingClientRect(); return [left, right]; })",
        f"{page.data['pictures'][0]['prefix']}_n{i}",
    )
    assert "-1.234e-205" in page.texts(i)
    assert label[1] < number[0] < number[1]


def test_a_mean_beside_an_infinity_is_none(browser: Any, tmp_path: Path) -> None:
    x = Tensor(np.arange(1.0, 9.0), "x")
    page = Page(browser, np.sum(x * 2), tmp_path, "#step=9999")
    page.run(
        "walkthrough.change(new Map([[arguments[0], Infinity]]))",
        page.data["program"]["nodes"][0][0],
    )
    assert page.texts(0)[page.texts(0).index("value") + 1 :][:3] == ["inf", "2", "inf"]


def test_the_effect_of_a_change_is_said(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path)
    page.tab("change")
    assert not page.find("#reset").is_enabled()
    before = page.find("#effect").text
    field = page.find("#leaf1")
    field.clear()
    field.send_keys("1.5\n")
    assert page.find("#effect").text.endswith(f", was {before.removeprefix('root = ')}")
    page.find("#reset").click()
    assert page.find("#effect").text == before


def test_300_nodes_are_computed_again_within_50_ms(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, network(samples=7), tmp_path, "#step=9999")
    assert len(page.names) >= 300
    times = page.run(
        "const times = []; for (let i = 0; i < 20; i++) { const began = performance.now();"
        " walkthrough.change(new Map([[walkthrough.inputs().keys().next().value, i / 10]]));"
        " times.push(performance.now() - began); } return times"
    )
    assert min(times) <= 50


def test_what_the_page_cannot_compute_it_says(browser: Any, tmp_path: Path) -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], "x")
    page = Page(browser, np.sum(np.linalg.pinv(x)), tmp_path)
    assert "pinv is not computed element by element" in page.text("#why-not")
    assert not page.find("#tab-change").is_displayed()
    page.find("#last").click()
    assert page.table("#numbers")[0][0].endswith("/∂x")
    with pytest.raises(ValueError, match="a quiz computes its answers in the page"):
        walkthrough(page.root, None, quiz=True)
    page.check_quiet()


def test_parameters_descend_and_too_large_a_rate_diverges(browser: Any, tmp_path: Path) -> None:
    w, b = Value(3.0, "w"), Value(-1.0, "b")
    page = Page(browser, (w * 2 + b - 1) ** 2, tmp_path)
    page.tab("descend")
    assert page.text("#moving").startswith("b, w: each moves")
    rate = page.find("#rate")
    rate.clear()
    rate.send_keys("0.05")
    page.find("#one").click()
    for node in (w, b):
        node.grad = 0.0
    page.root.backward()
    page.check_numbers({n: Value(n.data - 0.05 * n.grad) for n in (w, b)})
    page.find("#ten").click()
    assert "After 11 steps" in page.text("#descended")
    assert "grew" not in page.text("#descended")
    points = page.find("#curve polyline").get_attribute("points").split()
    heights = [float(point.split(",")[1]) for point in points]
    assert len(points) == 12
    assert heights == sorted(heights)  # down, as the curve is
    page.find("#again").click()
    page.check_numbers()
    for wrong in ("-1", "0"):
        rate.clear()
        rate.send_keys(wrong)
        page.find("#one").click()
        assert page.text("#descended") == "Give a rate that is larger than 0."
    page.check_numbers()
    rate.clear()
    rate.send_keys("5")
    page.find("#one").click()
    assert "It grew" in page.text("#descended")
    for _ in range(40):
        page.find("#ten").click()
    assert "it diverges" in page.text("#descended")
    page.check_quiet()


# What is asked


def test_the_quiz(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    a, b = Value(3.0, "a"), Value(-2.0, "b")
    c = a * b
    c.label = "c"
    d = c * 3 + a * 5
    d.label = "d"
    page = Page(browser, d, tmp_path, quiz=[c, a, b], tries=2)
    names = [page.names[i] for i in page.data["quiz"]["nodes"]]
    assert names[0] == "c"
    d.backward()

    def answer(text: str) -> str:
        field = page.find("#answer")
        field.clear()
        field.send_keys(text, Keys.ENTER)
        return page.text("#judged")

    assert page.find("#question").text == "1 of 3: ∂d/∂c = ?"
    assert page.find("#sentence").text == "c has received all its shares. What is ∂d/∂c?"
    assert answer("x") == "Type a number."
    assert answer("-3") == f"Not -3: {CAUSES['sign']}."
    assert not page.find("#reveal").is_enabled()
    assert answer("17").startswith(f"Not 17: {CAUSES['unknown']}")
    assert page.find("#left").text == "no try left"
    page.find("#reveal").click()
    assert page.text("#judged") == "∂d/∂c = 3."
    gradient = {"a": a.grad, "b": b.grad}
    judged = {}
    for number, name in enumerate(names[1:], 2):
        assert page.find("#question").text == f"{number} of 3: ∂d/∂{name} = ?"
        assert page.run("return document.activeElement.id") == "answer"
        if name == "a":  # one of its two uses is forgotten
            judged["a"] = answer("5")
        page.find("#answer").clear()
        assert answer(str(gradient[name])).startswith("Right: ")
    assert CAUSES["missing-term"] in judged["a"]
    assert page.run("return document.activeElement.id") == "quiz"
    assert page.find("#score").text == "2 of 3 right, 1 at the first try."
    assert not page.find("#form").is_displayed()
    page.check_quiet()


def test_the_answers_of_a_quiz_are_not_in_the_page(tmp_path: Path) -> None:
    root = neuron()
    text = Path(walkthrough(root, tmp_path / "quiz.html", quiz=True)).read_text("utf-8")
    plain = Path(walkthrough(root, tmp_path / "plain.html")).read_text("utf-8")
    for step in list(steps(root))[1:]:
        number = f"{abs(step.gradient):.4g}"
        assert number in plain
        found = [m.start() for m in re.finditer(re.escape(number), text)]
        assert not found or number in {f"{abs(n.data):.4g}" for n in topological_order(root)}


def test_a_teacher_says_what_is_asked(tmp_path: Path) -> None:
    E, weights = textbook()
    page = walkthrough(E, None, quiz=["w1", weights["w5"]], tries=1)
    data = data_of(page.page)
    turns = [frame["node"] for frame in data["frames"] if frame["phase"] == "backward"]
    assert sorted(data["names"][i] for i in data["quiz"]["nodes"]) == ["w1", "w5"]
    assert sorted(data["quiz"]["nodes"], key=turns.index) == data["quiz"]["nodes"]
    assert data["quiz"]["tries"] == 1
    with pytest.raises(ValueError, match="'w99' has none; there are"):
        walkthrough(E, None, quiz=["w99"])
    with pytest.raises(ValueError, match="a whole number from 1, not 0"):
        walkthrough(E, None, quiz=True, tries=0)


def test_my_number_stands_beside_the_right_one(browser: Any, tmp_path: Path) -> None:
    found = report_of_a_wrong_slope()
    page = Page(browser, found, tmp_path)
    page.find("#to-mistake").click()
    assert page.names[page.frames[page.at]["node"]] == "z"
    assert page.find("#numbers thead").text.split() == ["gradient", "of", "z"]
    (_, mine), (_, right), verdict = page.table("#numbers")[:3]
    assert verdict == ["verdict", "wrong"]
    assert read(mine) == bounds(found["z"].manual)
    assert read(right) == bounds(found["z"].automatic)
    assert "dz = 2 * a * (1 + a**2)" in page.text("#numbers")
    assert "dz = 2 * a * (1 - a**2)" in page.text("#numbers")
    page.find("#back").click()
    page.find("#play").click()
    wait_until(lambda: page.find("#play").get_attribute("aria-label") == "Play")  # it stops there
    assert page.names[page.frames[page.at]["node"]] == "z"
    page.find("#next").click()
    assert page.table("#numbers")[2] == ["verdict", "inherited"]
    page.check_quiet()
    assert "(1 - a**2)" not in walkthrough(report_of_a_wrong_slope(hints=1), None).page
    assert "a**2" not in walkthrough(report_of_a_wrong_slope(hints=0), None).page


# What is clicked


def test_a_box_and_an_arrow_explain_themselves(browser: Any, tmp_path: Path) -> None:
    root = neuron()
    page = Page(browser, root, tmp_path)
    prefix = page.data["pictures"][0]["prefix"]
    out = page.names.index("out")
    page.run(
        "document.getElementById(arguments[0]).dispatchEvent(new MouseEvent('click'))",
        f"{prefix}_n{out}",
    )
    assert page.find("#node h3").text == "out"
    text = page.text("#node")
    step = next(s for s in steps(root) if s.node.label == "out")
    assert f"= {step.gradient:.4g}".replace("-", "−") in text
    turn = page.all("#node button")[1]
    turn.click()
    assert page.frames[page.at]["node"] == out
    assert page.frames[page.at]["phase"] == "backward"
    head, slot = page.data["uses"][0][:2]
    page.run(
        "document.getElementById(arguments[0]).dispatchEvent(new MouseEvent('click'))",
        f"{prefix}_e{head}_{slot}",
    )
    assert "The local derivative ∂" in page.text("#node")
    page.check_quiet()


def test_a_large_graph_is_folded_and_its_boxes_open(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, network(), tmp_path, "#step=120")
    assert len(page.names) > 150
    views = page.data["pictures"]
    assert views[0]["title"] == "Folded"
    assert len(views[0]["boxes"]) < 20
    assert page.find("#view").is_displayed()
    for view in views:  # each node is in one box of each picture
        nodes = sorted(node for box, _ in view["boxes"] for node in box)
        assert nodes == list(range(len(page.names)))
    node = page.frames[page.at]["node"]
    inside = next(k for k, (box, _) in enumerate(views[0]["boxes"]) if node in box)
    assert "now" in page.run(
        "return document.getElementById(arguments[0]).getAttribute('class')",
        f"{views[0]['prefix']}_n{inside}",
    )
    page.run(
        "document.getElementById(arguments[0]).dispatchEvent(new MouseEvent('click'))",
        f"{views[0]['prefix']}_n{inside}",
    )
    opened = views[int(page.find("#view").get_attribute("value"))]
    assert opened["opened"] == views[0]["boxes"][inside][0][-1]
    assert [node] in [box for box, _ in opened["boxes"]]
    page.check_numbers()
    page.check_quiet()


# How it looks


def wordy() -> Any:
    """A sentence that is longer than its room."""
    leaves = [Value(0.1 * k, f"the weight of neuron {k}") for k in range(24)]
    return ag.weighted_sum(leaves[:12], leaves[12:])


@pytest.mark.parametrize("make", [lambda: textbook()[0], network, dense, wordy])
def test_picture_and_sentence_are_on_screen_together(
    make: Any, browser: Any, tmp_path: Path, sized: Any
) -> None:
    page = Page(browser, make(), tmp_path)
    for size in SIZES:
        sized(*size)
        check_that_all_is_in_view(page)
    page.run("walkthrough.go(3)")
    for size in (SIZES[-1], (360, 500), SIZES[0]):  # turned while a step is shown
        sized(*size)
        wait_until(lambda: page.run(NOW_IS_IN_VIEW))


NOW_IS_IN_VIEW = """
const now = document.querySelector('.picture:not([hidden]) g.node.now'),
  room = document.getElementById('pictures').getBoundingClientRect(),
  part = now.getBoundingClientRect();
const x = (part.left + part.right) / 2, y = (part.top + part.bottom) / 2;
return x > room.left && x < room.right && y > room.top && y < room.bottom;
"""


def check_that_all_is_in_view(page: Page) -> None:
    inside = (
        "const [part, room] = [...arguments].map(s => (s"
        " ? document.querySelector(s).getBoundingClientRect()"
        " : {left: 0, top: 0, right: innerWidth, bottom: innerHeight}));"
        "return part.left >= room.left - 1 && part.top >= room.top - 1"
        " && part.right <= room.right + 1 && part.bottom <= room.bottom + 1"
    )
    lengths = [len(item.get_attribute("textContent")) for item in page.all("#transcript li")]
    longest = lengths.index(max(lengths))
    for step in {0, 1, len(page.frames) // 2, len(page.frames) * 3 // 4, longest}:
        page.run("walkthrough.go(arguments[0])", step)
        for part in ("#sentence", "#pictures", "#controls", "#now", "#tools"):
            assert page.run(inside, part, None)
        assert page.find("#pictures").size["height"] >= 150
        assert page.find("[role=tabpanel]:not(.closed)").size["height"] >= 80
        assert not step or page.run(NOW_IS_IN_VIEW)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert page.run("return document.documentElement.scrollHeight <= innerHeight")
    smallest = page.run(
        "return Math.min(...[...document.querySelectorAll('.picture:not([hidden]) text')]"
        ".map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a))"
    )
    assert smallest >= 8.99
    assert page.find("#controls").size["height"] <= 60  # in one row
    for button in page.all("#controls button"):
        if button.is_displayed():
            assert button.size["height"] >= 44


AXE = os.environ.get("AUTOGRAD_MINI_AXE", "")


@pytest.mark.skipif(not AXE, reason="needs axe-core (AUTOGRAD_MINI_AXE=axe.min.js)")
@pytest.mark.parametrize(
    ("make", "options"),
    [(neuron, {}), (neuron, {"quiz": True}), (lambda: report_of_a_wrong_slope(), {})],
)
def test_nobody_is_left_out(
    make: Any, options: Any, browser: Any, tmp_path: Path, sized: Any
) -> None:
    for size, dark in ((SIZES[0], False), (SIZES[-1], True)):
        sized(*size, dark)
        page = Page(browser, make(), tmp_path, "#step=9999", **options)
        axe = {"expression": Path(AXE).read_text("utf-8")}
        browser.execute_cdp_cmd("Runtime.evaluate", axe)
        for tab in page.all("[role=tab]"):
            page.run("arguments[0].click()", tab)
            found = browser.execute_async_script(
                "const done = arguments[0]; axe.run(document).then(result => done("
                "result.violations.map(one => [one.id, one.impact, one.nodes[0].html])))"
            )
            assert found == []


LIGHTNESS = """
return [...document.querySelectorAll(arguments[0])].map((one) => {
  const [r, g, b, a = 1] = getComputedStyle(one)[arguments[1]].match(/[\\d.]+/g).map(Number);
  return a ? (r + g + b) / 765 : null;
}).filter((each) => each !== null);
"""


def test_dark_is_dark_and_nothing_moves_for_those_who_ask(
    browser: Any, tmp_path: Path, sized: Any
) -> None:
    for dark in (False, True):
        sized(1366, 660, dark)
        page = Page(browser, neuron(), tmp_path, "#step=9")
        papers = page.run(LIGHTNESS, "body, #show, #tools, #pictures, #next", "backgroundColor")
        inks = page.run(LIGHTNESS, "#sentence, h1, #next", "color")
        assert (max(papers) < 0.25) if dark else (min(papers) > 0.9)
        assert (min(inks) > 0.8) if dark else (max(inks) < 0.2)
    seconds = "return parseFloat(getComputedStyle(arguments[0]).transitionDuration)"
    for value in ("no-preference", "reduce"):
        feature = {"name": "prefers-reduced-motion", "value": value}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        assert (page.run(seconds, page.find("g.node")) > 0) == (value == "no-preference")


def test_on_paper_everything_is_known(browser: Any, tmp_path: Path) -> None:
    page = Page(browser, neuron(), tmp_path)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        w = page.data["program"]["nodes"][page.names.index("w")][0]
        page.run("walkthrough.change(new Map([[arguments[0], 0.75]]))", w)
        page.run("dispatchEvent(new Event('beforeprint'))")
        assert page.find("#transcript").is_displayed()
        assert not page.find("#controls").is_displayed()
        assert not page.all("g.node.later")
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        assert page.find("#order").is_displayed()
        said = page.all("#transcript li")
        assert len(said) == len(page.frames)
        assert said[1].text == "v1 = w·x = 1.5."
        page.run("dispatchEvent(new Event('afterprint'))")
        assert page.find("#at").get_attribute("value") == "0"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_page_in_a_notebook_works_in_its_frame(browser: Any, tmp_path: Path) -> None:
    shown = walkthrough(neuron(), None)._repr_html_()
    (tmp_path / "cell.html").write_text(f"<!doctype html><title>cell</title>{shown}", "utf-8")
    browser.get_log("browser")
    browser.get((tmp_path / "cell.html").as_uri())
    browser.switch_to.frame(0)
    try:
        browser.find_element("css selector", "#next").click()
        assert browser.find_element("css selector", "#count").text.startswith("step 2 of ")
        browser.find_element("css selector", "#tab-change").click()
        field = browser.find_element("css selector", "#leaf0")
        field.clear()
        field.send_keys("2\n")
        assert "(was" in browser.execute_script(
            "document.getElementById('tab-known').click();"
            "return document.getElementById('totals').textContent"
        )
    finally:
        browser.switch_to.default_content()
    assert browser.get_log("browser") == []


def test_where_scripts_are_off_all_can_be_read(browser: Any, tmp_path: Path) -> None:
    shown = walkthrough(neuron(), None)._repr_html_().replace('"allow-scripts"', '""')
    (tmp_path / "cell.html").write_text(f"<!doctype html><title>cell</title>{shown}", "utf-8")
    browser.get((tmp_path / "cell.html").as_uri())
    browser.switch_to.frame(0)
    try:
        assert "Scripts are off" in browser.find_element("css selector", "noscript p").text
        assert browser.find_element("css selector", "#transcript li:last-child").is_displayed()
        assert browser.find_element("css selector", ".picture svg").is_displayed()
        assert not browser.find_element("css selector", "#controls").is_displayed()
    finally:
        browser.switch_to.default_content()
        browser.get_log("browser")


def test_hostile_labels_in_the_browser(browser: Any, tmp_path: Path) -> None:
    values = [Value(float(i) / 4, label) for i, label in enumerate(HOSTILE)]
    root = ag.weighted_sum(values, values)
    page = Page(browser, root, tmp_path)
    for name in ("node", "change", "descend", "known", "transcript", "order", "step"):
        page.tab(name)
    for i in range(len(page.names)):
        page.run("walkthrough.explain(arguments[0])", i)
    page.tab("descend")
    page.find("#one").click()
    page.find("#last").click()
    page.tab("known")
    assert [row[0] for row in page.table("#totals")] == page.names
    page.check_quiet()
    page = Page(browser, root, tmp_path, quiz=True)
    page.find("#answer").send_keys("1")
    page.find("#check").click()
    page.check_quiet()


def wait_until(condition: Any) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end, "waited for 15 seconds"
        time.sleep(0.05)
