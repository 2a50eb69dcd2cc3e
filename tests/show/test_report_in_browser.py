"""The page of a report in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import report_of_a_wrong_slope

import autograd_mini as ag


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


def test_the_picture_beside_the_code_is_not_cut(browser: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X, t = rng.normal(size=(6, 3)), np.eye(2)[[0, 1, 0, 1, 1, 0]]

    def loss(W1: Any, b1: Any, W2: Any) -> Any:
        return np.mean((ag.sigmoid(X @ W1 + b1) @ W2 - t) ** 2)

    def manual(W1: Any, b1: Any, W2: Any) -> dict[str, Any]:
        a1 = 1 / (1 + np.exp(-(X @ W1 + b1)))
        d = 2 * (a1 @ W2 - t) / t.size
        dz1 = d @ W2.T * a1 * (1 + a1)
        return {"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": a1.T @ d}

    params = {"W1": rng.normal(size=(3, 4)), "b1": np.zeros(4), "W2": rng.normal(size=(4, 2))}
    ag.check_gradients(loss, params, manual).save(tmp_path / "report.html")
    size = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get((tmp_path / "report.html").as_uri())
        box, drawn, code = browser.execute_script(
            "const [box, code] = ['.picture', '.code'].map(s => document.querySelector(s));"
            "return [box.clientWidth, box.scrollWidth, code.getBoundingClientRect().left"
            " > box.getBoundingClientRect().right]"
        )
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert code  # they stand side by side
    assert drawn <= box


def test_a_line_of_a_report_shows_its_box_and_a_box_its_line(browser: Any, tmp_path: Path) -> None:
    report = report_of_a_wrong_slope()
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
