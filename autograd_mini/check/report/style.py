"""The style sheets of a report: of itself wherever it stands, and of a page of its own."""

STYLE = """
.autograd-mini-report {
  --ink: #1a1a1a; --paper: #fff; --card: #f6f7f8; --quiet: #5f5f5f; --line: #c9ced3;
  --differ: #a33e00; --inherited: #7a5900; --cannot-tell: #8a3a86; --agree: #00609a;
  --heat0: #eef0f2; --heat1: #fbdcc8; --heat2: #f2ab7f; --heat3: #d86b2b; --heat4: #8f3500;
  color: var(--ink); background: var(--paper); font: 16px/1.45 system-ui, sans-serif;
  overflow-wrap: anywhere; padding: 0.5rem; container-type: inline-size;
  & * { box-sizing: border-box; }
  & .differ { --tint: var(--differ); }
  & .inherited { --tint: var(--inherited); }
  & .cannot-tell { --tint: var(--cannot-tell); }
  & .agree { --tint: var(--agree); }
  & .sign { display: inline-block; width: 1.4em; font-weight: 700; }
  & .sign, & summary strong, & p.quantity strong { color: var(--tint); }
  & .quiet, & figcaption, & caption, & header p { color: var(--quiet); }
  & code { font-family: ui-monospace, monospace; font-weight: 600; }
  & p { margin: 0.4rem 0; }
  & h1 { font-size: 1.35rem; margin: 0; display: inline; }
  & h2 { font-size: 1.1rem; margin: 1rem 0 0.5rem; }
  & header { border-left: 0.4rem solid var(--tint); padding: 0.2rem 0.8rem; }
  & header .sign { font-size: 1.35rem; }
  & figure { margin: 1rem 0; }
  & .note, & .quantity, & .picture { border: 1px solid var(--line); border-radius: 6px; }
  & .note, & .quantity { padding: 0.4rem 0.8rem; margin: 0.4rem 0; }
  & .picture { overflow: auto; max-height: 70vh; background: #fff; }
  @container (min-width: 62rem) {
    & .columns:has(figure.graph):has(.code, figure.graph:not(.wide)) {
      display: grid; grid-template-columns: minmax(auto, 1fr) minmax(0, 1fr); gap: 0 1.5rem;
    }
    & figure.graph { min-width: min(calc(var(--natural) * 0.64 + 20px), 62cqi); }
    & .columns:has(.code, figure.graph:not(.wide)) figure.graph { position: sticky; top: 0; }
    & .picture { max-height: 85vh; }
  }
  & .slip, & .code {
    font: 0.9rem/1.5 ui-monospace, monospace; overflow-x: auto; overflow-wrap: normal;
    border: 1px solid var(--line); border-radius: 6px; background: var(--card);
    padding: 0.5rem 0.8rem; margin: 0.5rem 0; color: var(--ink);
  }
  & .slip { border-left: 0.4rem solid var(--differ); white-space: pre; }
  & .slip .mark { color: var(--differ); }
  & .slip .repair { color: var(--agree); font-weight: 600; }
  & .slip .said { font-family: system-ui, sans-serif; color: var(--quiet); }
  & .code .file { color: var(--quiet); }
  & .code .row {
    display: grid; grid-template-columns: 1.4em 3em max-content auto; min-width: max-content;
    scroll-margin: 3rem; border-radius: 3px;
  }
  & .code code { white-space: pre; font-weight: 400; }
  & .code a { color: inherit; text-decoration: none; }
  & .code a:is(:hover, :focus-visible) { text-decoration: underline; }
  & .code .words { color: var(--tint, var(--quiet)); padding-left: 2rem; font-size: 0.85em; }
  & .code .differ { background: color-mix(in srgb, var(--differ) 16%, transparent); }
  & .code .inherited { background: color-mix(in srgb, var(--inherited) 14%, transparent); }
  & .code .row:target { outline: 2px solid var(--tint, var(--quiet)); }
  & .picture .node:target :is(path, polygon) { stroke-width: 5; }
  & .picture svg {  /* fitted as long as it can be read, then scrolled */
    display: block; margin: auto; height: auto;
    width: clamp(calc(var(--natural) * 0.64), 100%, var(--natural));
  }
  & .findings, & .legend { list-style: none; padding: 0; margin: 0.5rem 0; color: var(--ink); }
  & .legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.5rem; }
  & .quantity { background: var(--card); border-left: 0.4rem solid var(--tint); }
  & .quantity:has(:target) { outline: 2px solid var(--tint); }
  & summary { cursor: pointer; }
  & summary :is(code, span, strong):not(.sign), & p.quantity :not(.sign) { margin-right: 0.7em; }
  & .sides { display: flex; flex-wrap: wrap; gap: 0.5rem 3rem; align-items: start; }
  & .numbers { overflow-x: auto; max-width: 100%; }
  & table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
  & caption { text-align: left; }
  & :is(th, td) {
    text-align: right; font-weight: 400; white-space: nowrap; padding: 0.15rem 1rem 0.15rem 0;
    border-bottom: 1px solid var(--line); color: var(--ink); background: none;
  }
  & thead th {
    font-weight: 600; white-space: normal; overflow-wrap: normal; vertical-align: bottom;
  }
  & tr :first-child { text-align: left; }
  & .heat { margin: 0; max-width: 18rem; }
  & .heat svg { display: block; max-width: 100%; }
  @media (max-width: 40rem) {
    & table { font-size: 0.85rem; }
    & :is(th, td) { padding-right: 0.6rem; }
  }
  & .heat0 { fill: var(--heat0); }
  & .heat1 { fill: var(--heat1); }
  & .heat2 { fill: var(--heat2); }
  & .heat3 { fill: var(--heat3); }
  & .heat4 { fill: var(--heat4); }
}
@media print {
  .autograd-mini-report {
    & .columns { display: block; }
    & figure.graph { position: static; }
    & .picture { overflow: visible; max-height: none; }
    & .picture svg { width: 100%; max-width: var(--natural); }
    & .heat svg { print-color-adjust: exact; }
    & .quantity { break-inside: avoid; }
    & details::details-content { content-visibility: visible; block-size: auto; }
  }
}
"""

PAGE_STYLE = """
body { margin: 0; background: #fff; }
main > .autograd-mini-report { max-width: 96rem; margin: 0 auto; padding: 1rem; }
@media screen and (prefers-color-scheme: dark) {
  body { background: #16181b; }
  main > .autograd-mini-report {
    --ink: #e8e8e8; --paper: #16181b; --card: #202327; --quiet: #a8adb3; --line: #454a50;
    --differ: #ff9b66; --inherited: #e8c15a; --cannot-tell: #d6a0e0; --agree: #6ec6f2;
    --heat0: #2b2f34; --heat1: #5a3c2d; --heat2: #8f5532; --heat3: #cc7440; --heat4: #ffb18a;
  }
}
"""
