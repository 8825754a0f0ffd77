// The histogram of needed lengths with a handle on every edited length.

const SVG = "http://www.w3.org/2000/svg";
const CHART = { height: 250, left: 56, right: 24, top: 46, bottom: 44 };
const LOG_FROM = 8;
const N_BARS = 72;

function svg(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// Places on the axis of lengths, 0 to 1 and back, round in a unit of so many patches.
function lengthScale(low, high, per) {
  const log = high / low > LOG_FROM;
  const ends = log
    ? [low / (high / low) ** 0.03, high * (high / low) ** 0.06]
    : [Math.max(low - 0.04 * (high - low), 0), high + (0.08 * (high - low) || 0.5 * low)];
  const form = log ? Math.log : (value) => value;
  const [first, span] = [form(ends[0]), form(ends[1]) - form(ends[0])];
  return {
    ends,
    at: (length) => (form(length) - first) / span,
    length: (share) => (log ? Math.exp(first + share * span) : first + share * span),
    ticks: (log ? logTicks : linearTicks)(...ends.map((end) => end / per)).map((tick) => tick * per),
  };
}

function logTicks(low, high) {
  for (const digits of [[1, 2, 5], [1, 3], [1]]) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      found.push(...digits.map((digit) => digit * 10 ** power));
    }
    const inside = found.filter((place) => place >= low && place <= high);
    if (inside.length <= 9 || digits.length === 1) return inside;
  }
  return [];
}

function linearTicks(low, high) {
  const rough = (high - low) / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((size) => size * power).find((size) => size >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high; at += step) found.push(at);
  return found;
}

class LengthChart {
  // `edit(index, length, done)` is told of every move, `remove(index)` of a deletion.
  constructor(place, data, listeners) {
    Object.assign(this, { place, data, listeners, handles: [] });
    new ResizeObserver(() => this.shown && this.show(...this.shown)).observe(place);
  }

  show(lengths, demand) {
    this.shown = [lengths, demand];
    this.width = Math.max(this.place.clientWidth, 280);
    const needed = demand.cells.map((cell) => cell.needed);
    const places = [...needed, ...lengths, ...this.data.today];
    const least = places.reduce((one, other) => Math.min(one, other));
    const most = places.reduce((one, other) => Math.max(one, other));
    this.scale = lengthScale(least, most, this.data.words.per);
    if (!this.picture) {
      this.picture = svg("svg", { role: "group", "aria-label": "ViT runs by needed length, with a handle on every length" });
      this.back = svg("g", { "aria-hidden": "true" });
      this.front = svg("g", {});
      this.picture.append(this.back, this.front);
      this.place.replaceChildren(this.picture);
    }
    this.picture.setAttribute("viewBox", `0 0 ${this.width} ${CHART.height}`);
    this.back.replaceChildren(...this.bars(demand), ...this.axis(), ...this.today());
    this.showHandles(lengths);
  }

  x(length) {
    return CHART.left + this.scale.at(length) * (this.width - CHART.left - CHART.right);
  }

  bars(demand) {
    const weights = new Array(N_BARS).fill(0);
    for (const cell of demand.cells) {
      const bar = Math.floor(this.scale.at(cell.needed) * N_BARS);
      weights[Math.min(Math.max(bar, 0), N_BARS - 1)] += cell.runs;
    }
    const most = Math.max(...weights);
    const wide = (this.width - CHART.left - CHART.right) / N_BARS;
    const room = CHART.height - CHART.top - CHART.bottom;
    return weights.flatMap((weight, bar) => {
      if (!weight) return [];
      const high = Math.max((weight / most) * room, 1);
      return [svg("rect", {
        class: "runs",
        x: CHART.left + bar * wide,
        y: CHART.height - CHART.bottom - high,
        width: Math.max(wide - 1, 0.5),
        height: high,
      })];
    });
  }

  axis() {
    const floor = CHART.height - CHART.bottom;
    const ticks = this.scale.ticks.map((tick) =>
      svg("text", { x: this.x(tick), y: floor + 16, "text-anchor": "middle" }, told(tick, this.data)));
    return [
      svg("line", { class: "axis", x1: CHART.left, x2: this.width - CHART.right, y1: floor, y2: floor }),
      ...ticks,
      svg("text", { x: CHART.left, y: floor + 34 }, `needed length, ${this.data.words.unit}`),
      svg("text", { x: CHART.left - 8, y: CHART.top + 8, "text-anchor": "end" }, "runs"),
    ];
  }

  today() {
    return this.data.today.flatMap((length) => [
      svg("line", { class: "today", x1: this.x(length), x2: this.x(length), y1: CHART.top - 8, y2: CHART.height - CHART.bottom }),
    ]);
  }

  showHandles(lengths) {
    while (this.handles.length > lengths.length) this.handles.pop().group.remove();
    while (this.handles.length < lengths.length) this.handles.push(this.handle(this.handles.length));
    let [edge, row] = [-Infinity, 0];
    lengths.forEach((length, index) => {
      const { group, label } = this.handles[index];
      const x = this.x(length);
      // Labels that would touch stand in two rows.
      row = x < edge ? 1 - row : 0;
      edge = x + 8 * told(length, this.data).length + 12;
      group.setAttribute("transform", `translate(${x} 0)`);
      label.setAttribute("y", row ? 30 : 14);
      label.setAttribute("text-anchor", x > this.width - 80 ? "end" : "start");
      label.setAttribute("x", x > this.width - 80 ? -4 : 4);
      label.textContent = told(length, this.data);
      const [least, most] = this.bounds(index, lengths);
      group.setAttribute("aria-label", `Length ${index + 1} of ${lengths.length}, ${this.data.words.unit}`);
      const { per, unit } = this.data.words;
      group.setAttribute("aria-valuemin", least / per);
      group.setAttribute("aria-valuemax", most / per);
      group.setAttribute("aria-valuenow", length / per);
      group.setAttribute("aria-valuetext", `${told(length, this.data)} ${unit}`);
    });
  }

  bounds(index, lengths) {
    const { align } = this.data.model;
    const least = index ? lengths[index - 1] + align : align;
    const most = index + 1 < lengths.length ? lengths[index + 1] - align : alignUp(this.scale.ends[1], align);
    return [least, Math.max(most, least)];
  }

  handle(index) {
    const group = svg("g", { class: "handle", role: "slider", tabindex: "0" });
    const floor = CHART.height - CHART.bottom;
    const label = svg("text", { "aria-hidden": "true" });
    group.append(
      svg("rect", { class: "grip", x: -10, y: CHART.top - 12, width: 20, height: floor - CHART.top + 12 }),
      svg("line", { x1: 0, x2: 0, y1: CHART.top - 12, y2: floor }),
      svg("circle", { cx: 0, cy: CHART.top - 6, r: 6 }),
      label,
    );
    group.addEventListener("pointerdown", (event) => this.drag(event, group, index));
    group.addEventListener("keydown", (event) => this.press(event, index));
    this.front.append(group);
    return { group, label };
  }

  moved(index, length) {
    const [least, most] = this.bounds(index, this.shown[0]);
    return Math.min(Math.max(alignUp(length, this.data.model.align), least), most);
  }

  drag(event, group, index) {
    event.preventDefault();
    group.focus();
    group.setPointerCapture(event.pointerId);
    let last = this.shown[0][index];
    // The axis may grow while a handle is dragged: places are read on that of the start.
    const { scale, width } = this;
    const left = this.place.getBoundingClientRect().left;
    const move = (moved) => {
      const share = (moved.clientX - left - CHART.left) / (width - CHART.left - CHART.right);
      last = this.moved(index, Math.max(scale.length(Math.min(Math.max(share, 0), 1)), 1));
      this.listeners.edit(index, last, false);
    };
    const end = () => {
      group.removeEventListener("pointermove", move);
      this.listeners.edit(index, last, true);
    };
    group.addEventListener("pointermove", move);
    group.addEventListener("lostpointercapture", end, { once: true });
  }

  press(event, index) {
    const { align } = this.data.model;
    const length = this.shown[0][index];
    const [least, most] = this.bounds(index, this.shown[0]);
    const steps = {
      ArrowLeft: length - align,
      ArrowDown: length - align,
      ArrowRight: length + align,
      ArrowUp: length + align,
      PageDown: length - 16 * align,
      PageUp: length + 16 * align,
      Home: least,
      End: most,
    };
    if (event.key in steps) {
      event.preventDefault();
      this.listeners.edit(index, this.moved(index, steps[event.key]), true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      this.listeners.remove(index);
    }
  }
}
