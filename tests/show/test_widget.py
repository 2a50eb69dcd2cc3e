"""The widget: in Python as anywidget has it, and its front in a browser."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import autograd_mini as ag
from autograd_mini import Value
from autograd_mini.page.widget import front

pytest.importorskip("anywidget", reason="needs anywidget")


def neuron(w: Any, x: Any, b: Any = -1.0) -> Any:
    return (w * x + b).sigmoid() if w > 0 else w * x


def gradients(**at: float) -> tuple[float, dict[str, float]]:
    leaves = {name: Value(number) for name, number in at.items()}
    out = neuron(**leaves)
    out.backward()
    return out.data, {name: leaf.grad for name, leaf in leaves.items()}


def test_numbers_are_those_of_the_function() -> None:
    made = ag.widget(neuron, w=0.5, x=2.0)
    assert made.values == {"w": 0.5, "x": 2.0, "b": -1.0}
    assert (made.value, made.gradients) == gradients(w=0.5, x=2.0, b=-1.0)
    assert made.name == "neuron"
    picture = made.picture
    made.values = {**made.values, "w": -3.0}  # the other branch
    assert (made.value, made.gradients) == gradients(w=-3.0, x=2.0, b=-1.0)
    assert made.picture != picture
    assert "_repr_mimebundle_" in dir(made)


def test_where_the_function_raises_it_is_said() -> None:
    made = ag.widget(lambda w: w.log(), w=2.0)
    made.values = {"w": -1.0}
    assert made.value is None
    assert made.gradients == {}
    assert "log" in made.error
    made.values = {"w": 1.0}
    assert made.error == ""
    assert made.gradients == {"w": 1.0}


def test_what_cannot_be_shown() -> None:
    with pytest.raises(TypeError, match="'v' is none of w, x, b"):
        ag.widget(neuron, v=1.0)
    with pytest.raises(TypeError, match=r"write out those of \(\*w\)"):
        ag.widget(lambda *w: w[0])
    with pytest.raises(TypeError, match="gives a Value, and this gives float"):
        ag.widget(lambda w: 3.0)


def test_the_front_in_a_browser(browser: Any) -> None:
    made = ag.widget(neuron, w=0.5, x=2.0)
    names = ("values", "name", "value", "gradients", "picture", "error")
    state = {name: getattr(made, name) for name in names}
    module = base64.b64encode(front().encode()).decode()
    browser.get("about:blank")
    browser.get_log("browser")
    browser.execute_async_script(
        """
        const [module, state, done] = arguments, heard = {}, el = document.body;
        window.saved = [];
        window.model = {
          get: (name) => state[name],
          set: (name, it) => { state[name] = it; },
          save_changes: () => window.saved.push(JSON.stringify(state.values)),
          on: (what, call) => { heard[what] = call; },
          hear: (changes) => { Object.assign(state, changes); heard['change:value'](); },
        };
        import(`data:text/javascript;base64,${module}`).then((front) => {
          front.default.render({ model: window.model, el });
          done();
        });
        """,
        module,
        state,
    )
    cells = (
        "return [...document.querySelectorAll('tr')].map(r => [...r.cells].map(c => c.textContent))"
    )
    assert {row[0] for row in browser.execute_script(cells)} == {"", "w", "x", "b", "neuron"}
    browser.execute_script(
        "const slider = document.querySelector('input[aria-label=w]'); slider.value = 1.5;"
        "slider.dispatchEvent(new Event('input'))"
    )
    (saved,) = browser.execute_script("return window.saved")
    made.values = json.loads(saved)  # as anywidget tells Python
    assert made.values == {"w": 1.5, "x": 2.0, "b": -1.0}
    changes = {name: getattr(made, name) for name in names}
    browser.execute_script("window.model.hear(arguments[0])", changes)
    rows = {row[0]: row[2:] for row in browser.execute_script(cells)[1:-1]}
    assert rows["w"] == ["1.5", f"{made.gradients['w']:.4g}"]
    assert browser.execute_script("return document.querySelectorAll('svg').length") == 1
    assert browser.get_log("browser") == []
