/* The demos: networks of one input, sums of out * s(w x + b), drawn anew whenever a slider moves; and surfaces, frames
   under sliders. The numbers come from netlib, as JSON in the page, and tests/test_site.py holds what comes out of them
   to netlib. */
"use strict";

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** Weights [w, b, out], each a list with a number for every neuron, for these values of the sliders. */
function weights(demo, values) {
  if (demo.choices) return demo.choices[values[0] - 1];
  const at = ([constant, ...factors]) => factors.reduce((sum, factor, i) => sum + factor * values[i], constant);
  return ["w", "b", "out"].map((kind) => demo.neurons[kind].map(at));
}

/** What a network gives at x. */
function evaluate([w, b, out], x) {
  return out.reduce((sum, weight, k) => sum + weight * sigmoid(w[k] * x + b[k]), 0);
}

/** The book's score of heights of bumps side by side: how far they are from the target, on average. */
function score(demo, heights) {
  const far = demo.scored.map((y, i) => Math.abs(y - heights[Math.floor((i * heights.length) / demo.scored.length)]));
  return far.reduce((sum, d) => sum + d, 0) / far.length;
}

const SIZE = { width: 640, height: 260, left: 46, right: 12, top: 12, bottom: 30 };
const points = (n) => Array.from({ length: n }, (_, i) => i / (n - 1));

function element(name, attributes = {}, ...inside) {
  const drawn = ["svg", "path", "line", "text", "g"].includes(name);
  const made = drawn ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...inside);
  return made;
}

function scales([low, high]) {
  const { width, height, left, right, top, bottom } = SIZE;
  return {
    across: (x) => left + x * (width - left - right),
    up: (y) => top + ((high - y) / (high - low)) * (height - top - bottom),
  };
}

function curve({ across, up }, ys, [low, high]) {
  const kept = (y) => Math.min(Math.max(y, low), high);
  const point = (y, i) => `${across(i / (ys.length - 1)).toFixed(1)} ${up(kept(y)).toFixed(1)}`;
  return `M${ys.map(point).join("L")}`;
}

const minus = (number) => String(number).replace("-", "−");

/** Axes with their numbers. */
function frame(limits) {
  const { across, up } = scales(limits);
  const [low, high] = limits;
  const step = high - low > 2 ? 1 : 0.5;
  const lines = element("g", { class: "grid" });
  const words = element("g", { class: "words" });
  for (let i = 0; i <= 5; i++) {
    lines.append(element("line", { x1: across(i / 5), x2: across(i / 5), y1: up(high), y2: up(low) }));
    const at = { x: across(i / 5), y: SIZE.height - 8, "text-anchor": "middle" };
    words.append(element("text", at, (i / 5).toFixed(1)));
  }
  for (let y = Math.ceil(low / step) * step; y <= high + 1e-9; y += step) {
    lines.append(element("line", { x1: across(0), x2: across(1), y1: up(y), y2: up(y) }));
    words.append(element("text", { x: across(0) - 8, y: up(y) + 4, "text-anchor": "end" }, minus(y)));
  }
  return [lines, words];
}

function slider(told, number) {
  const range = { type: "range", min: told.min, max: told.max, step: told.step, value: told.value, id: number };
  const input = element("input", range);
  return { input, shown: element("output", { for: number }), label: element("label", { for: number }, told.label) };
}

/** Fill the place of a demo on the page. */
function show(place, demo) {
  const many = [{ label: "number of bumps n", value: 5, min: 1, max: (demo.choices || []).length, step: 1 }];
  const told = demo.sliders || many;
  const sliders = told.map((each, i) => slider(each, `${demo.name}-${i}`));
  const svg = element("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img" });
  const goal = element("path", { class: "goal" });
  const line = element("path", { class: "line" });
  const said = element("p", { class: "said", "aria-live": "polite" });
  svg.append(...frame(demo.limits), goal, line);
  if (demo.target) goal.setAttribute("d", curve(scales(demo.limits), demo.target, demo.limits));

  function draw() {
    const values = sliders.map(({ input }) => Number(input.value));
    const network = weights(demo, values);
    const ys = points(1001).map((x) => evaluate(network, x));
    line.setAttribute("d", curve(scales(demo.limits), ys, demo.limits));
    sliders.forEach(({ input, shown }) => { shown.textContent = minus(input.value); });
    const settings = told.map((each, i) => `${each.label} ${values[i]}`).join(", ");
    svg.setAttribute("aria-label", `${demo.title}: the output of the network for inputs from 0 to 1, at ${settings}`);
    if (demo.scored) {
      const reached = score(demo, values);
      const verdict = reached < 0.405 ? "You have done it!" : "0.40 or below wins.";
      said.textContent = `Score ${reached.toFixed(2)}. ${verdict}`;
    }
    if (demo.errors) {
      const hidden = network[0].length;
      said.textContent = `${hidden} hidden neurons, largest error ${demo.errors[values[0] - 1].toFixed(3)}.`;
    }
    if (demo.name === "neuron" && values[0]) {
      const where = -values[1] / values[0];
      said.textContent = `Halfway up at x = −b/w = ${minus(where.toFixed(2))}.`;
    }
  }

  const controls = element("div", { class: "controls" });
  for (const { input, shown, label } of sliders) {
    input.addEventListener("input", draw);
    controls.append(element("div", { class: "slider" }, label, input, shown));
  }
  const buttons = element("div", { class: "buttons" });
  for (const [words, values] of Object.entries(demo.buttons || {})) {
    const button = element("button", { type: "button" }, words);
    button.addEventListener("click", () => {
      sliders.forEach(({ input }, i) => { input.value = values[i]; });
      draw();
    });
    buttons.append(button);
  }
  place.replaceChildren(svg, said, controls, buttons);
  draw();
}

/** Give a figure sliders that go through its frames, which were drawn beforehand, one for every combination. */
function film(demo) {
  const picture = document.querySelector(`#${demo.figure} img`);
  const described = picture.alt;
  const sliders = demo.frames.map(({ label, values, start }, i) => (
    { values, ...slider({ label, value: start, min: 0, max: values.length - 1, step: 1 }, `${demo.figure}-slider-${i}`) }
  ));
  const frame = (places) => `frames/${[demo.figure, ...places].join("-")}.png`;
  [picture.width, picture.height] = demo.size;
  picture.decoding = "sync"; // the next frame stands there at once, or the last one stays

  function draw() {
    const places = sliders.map(({ input }) => Number(input.value));
    const settings = sliders.map(({ input, shown, label, values }, i) => {
      shown.textContent = minus(values[places[i]]);
      input.setAttribute("aria-valuetext", shown.textContent);
      return `${label.textContent} ${shown.textContent}`;
    });
    picture.src = frame(places);
    picture.alt = `${described} Here at ${settings.join(", ")}.`;
  }

  const further = (some, { values }) => some.flatMap((places) => values.map((_, i) => [...places, i]));
  const kept = [];
  const keep = () => kept.length || kept.push(...sliders.reduce(further, [[]]).map((places) => {
    const image = new Image();
    image.src = frame(places);
    return image;
  }));
  const controls = element("div", { class: "controls" });
  for (const { input, shown, label } of sliders) {
    input.addEventListener("input", draw);
    for (const sign of ["pointerenter", "focus"]) input.addEventListener(sign, keep); // a hand comes near: fetch frames
    controls.append(element("div", { class: "slider" }, label, input, shown));
  }
  picture.after(element("div", { class: "demo film" }, controls));
  draw();
}

if (typeof document !== "undefined") {
  for (const demo of JSON.parse(document.getElementById("demo-data").textContent)) {
    if (demo.frames) film(demo);
    else show(document.getElementById(`demo-${demo.name}`), demo);
  }
} else {
  module.exports = { weights, evaluate, score };
}
