// The panel: what is edited, its history and its link, and everything that follows.

const $ = (id) => document.getElementById(`what-if-${id}`);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// What is edited: lengths, the limit and the decoder's sizes. Never changed in place.
function cleaned(edited, data) {
  const { align } = data.model;
  const whole = (values, least, most) => [...new Set(values)]
    .filter((value) => Number.isSafeInteger(value) && value >= least && value <= most)
    .sort((one, other) => one - other);
  const lengths = whole(edited.lengths.map((length) => alignUp(length, align)), align, 2 ** 24);
  const limit = data.limits.fixed_because ? data.plan.max_pixels : edited.max_pixels;
  const batch = data.decoder?.batch_size ?? 0;
  const sizes = data.decoder?.smaller_graphs ? whole([...edited.decoder, batch], 1, batch) : data.plan.decoder;
  return {
    lengths: lengths.length ? lengths : data.plan.lengths,
    max_pixels: Number.isSafeInteger(limit) ? Math.max(limit, data.limits.least) : data.plan.max_pixels,
    decoder: sizes,
  };
}

function toLink(edited) {
  return `#what-if=${edited.lengths.join(",")};${edited.max_pixels};${edited.decoder.join(",")}`;
}

function fromLink(link, data) {
  const found = /^#what-if=([\d,]+);(\d+);([\d,]*)$/.exec(link);
  if (!found) return null;
  const numbers = (text) => text.split(",").filter(Boolean).map(Number);
  return cleaned({ lengths: numbers(found[1]), max_pixels: Number(found[2]), decoder: numbers(found[3]) }, data);
}

function same(one, other) {
  return toLink(one) === toLink(other);
}

class Panel {
  constructor(data) {
    this.data = data;
    this.plan = { ...data.plan };
    this.demands = new Map();
    this.past = [];
    this.future = [];
    this.edited = fromLink(location.hash, data) ?? this.plan;
    this.chart = new LengthChart($("chart"), data, {
      edit: (index, length, done) => this.editLength(index, length, done),
      remove: (index) => this.removeLength(index),
    });
    this.planned = this.bill(this.plan);
    this.wire();
    $("needs").hidden = true;
    $("panel").hidden = false;
    this.show();
    if (!same(this.edited, this.plan)) $("panel").scrollIntoView();
    addEventListener("hashchange", () => {
      const linked = fromLink(location.hash, data);
      if (linked) this.commit(linked);
    });
  }

  demand(maxPixels) {
    if (!this.demands.has(maxPixels)) {
      if (this.demands.size > 8) this.demands.clear();
      this.demands.set(maxPixels, demandUnder(this.data, maxPixels));
    }
    return this.demands.get(maxPixels);
  }

  bill(edited) {
    const bill = price(edited.lengths, this.demand(edited.max_pixels), this.data);
    const decoder = this.data.decoder && edited.decoder.length ? priceDecoder(edited.decoder, this.data.decoder) : null;
    return { ...bill, decoder };
  }

  // One step of the history; a drag is one step, however far it went.
  commit(edited, from = this.edited) {
    const next = cleaned(edited, this.data);
    if (!same(next, from)) {
      this.past.push(from);
      this.future = [];
    }
    this.edited = next;
    this.dragged = null;
    history.replaceState(null, "", same(next, this.plan) ? location.pathname + location.search : toLink(next));
    this.show();
  }

  step(from, to) {
    if (!from.length) return;
    to.push(this.edited);
    this.edited = from.pop();
    history.replaceState(null, "", same(this.edited, this.plan) ? location.pathname + location.search : toLink(this.edited));
    this.show();
  }

  editLength(index, length, done) {
    this.dragged ??= this.edited;
    const lengths = this.dragged.lengths.map((old, at) => (at === index ? length : old));
    if (done) {
      this.commit({ ...this.dragged, lengths }, this.dragged);
    } else {
      this.edited = cleaned({ ...this.dragged, lengths }, this.data);
      this.show();
    }
  }

  removeLength(index) {
    if (this.edited.lengths.length < 2) return;
    this.commit({ ...this.edited, lengths: this.edited.lengths.filter((_, at) => at !== index) });
  }

  addLength() {
    const { lengths, max_pixels } = this.edited;
    const best = bestAddition(lengths, this.demand(max_pixels), this.data);
    if (best) this.commit({ ...this.edited, lengths: [...lengths, best.length] });
    else this.say("No further length saves compute: every run fits its length.");
  }

  fit() {
    const lengths = bestLengths(this.demand(this.edited.max_pixels), Number($("graphs").value), this.data);
    this.commit({ ...this.edited, lengths });
  }

  wire() {
    const on = (id, name, act) => $(id)?.addEventListener(name, act);
    on("undo", "click", () => this.step(this.past, this.future));
    on("redo", "click", () => this.step(this.future, this.past));
    on("reset", "click", () => this.commit(this.plan));
    on("add", "click", () => this.addLength());
    on("fit", "click", () => this.fit());
    on("link", "click", () => copyText(location.href.split("#")[0] + toLink(this.edited), $("link")));
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      // A removed row takes the focus with it to the body.
      if (event.target !== document.body && !$("panel").contains(event.target)) return;
      event.preventDefault();
      if (event.shiftKey) this.step(this.future, this.past);
      else this.step(this.past, this.future);
    });
    const limit = (value) => this.commit({ ...this.edited, max_pixels: Math.round(value) });
    on("limit", "change", () => limit(Number($("limit").value)));
    on("limit-slider", "input", () => this.slideLimit(false));
    on("limit-slider", "change", () => this.slideLimit(true));
    on("limit-named", "change", () => {
      if ($("limit-named").value) limit(Number($("limit-named").value));
    });
    on("size-add", "click", () => this.addSize());
    for (const release of this.data.releases) {
      $("release").append(element("option", { value: release.version }, `optimum-rbln ${release.version}`));
    }
    on("release", "change", () => this.showFile());
    on("file", "change", () => this.showFile());
    on("copy-file", "click", () => copyText($("text").textContent, $("copy-file")));
    if (this.data.limits.fixed_because) {
      for (const id of ["limit", "limit-slider", "limit-named"]) $(id).disabled = true;
      $("limit-note").textContent = this.data.limits.fixed_because;
    } else {
      $("limit-slider").min = Math.log(this.data.limits.least);
      $("limit-slider").max = Math.log(this.data.limits.most);
      $("limit").min = this.data.limits.least;
      for (const cap of this.data.limits.named) {
        $("limit-named").append(element("option", { value: String(cap.max_pixels) }, `${cap.name}: ${grouped(cap.max_pixels)}`));
      }
    }
    if (!this.data.decoder?.smaller_graphs) $("decoder").hidden = true;
    if (!this.data.releases.length) $("files").hidden = true;
  }

  slideLimit(done) {
    const { step, least } = this.data.limits;
    this.dragged ??= this.edited;
    const value = Math.max(Math.round(Math.exp(Number($("limit-slider").value)) / step) * step, least);
    if (done) {
      this.commit({ ...this.dragged, max_pixels: value }, this.dragged);
    } else {
      this.edited = cleaned({ ...this.dragged, max_pixels: value }, this.data);
      this.show();
    }
  }

  addSize() {
    const value = Number($("size").value);
    $("size").value = "";
    this.commit({ ...this.edited, decoder: [...this.edited.decoder, value] });
  }

  say(text) {
    $("said").textContent = text;
  }

  show() {
    const bill = this.bill(this.edited);
    this.current = bill;
    this.chart.show(this.edited.lengths, this.demand(this.edited.max_pixels));
    $("undo").disabled = !this.past.length;
    $("redo").disabled = !this.future.length;
    $("reset").disabled = same(this.edited, this.plan);
    this.showInputs("lengths", this.edited.lengths, (index) => `Length ${index + 1}, ViT patches`, {
      edit: (index, value) => this.editLength(index, value, true),
      remove: this.edited.lengths.length > 1 ? (index) => this.removeLength(index) : null,
      step: this.data.model.align,
    });
    if (this.data.decoder?.smaller_graphs) this.showSizes();
    this.showLimit();
    this.showTotals(bill);
    this.showBuckets(bill);
    this.showFile();
    this.say(this.finding(bill));
  }

  // Inputs are kept while their number stays, so that focus does.
  showInputs(id, values, label, { edit, remove, step }) {
    const list = $(id);
    if (list.children.length !== values.length) {
      list.replaceChildren(...values.map((_, index) => {
        const input = element("input", { type: "number", min: String(step), step: String(step), "aria-label": label(index) });
        input.addEventListener("change", () => edit(index, Number(input.value)));
        const button = element("button", { type: "button", "aria-label": `Remove ${label(index).toLowerCase()}` }, "Remove");
        button.addEventListener("click", () => remove(index));
        return element("li", {}, input, button);
      }));
    }
    values.forEach((value, index) => {
      const [input, button] = list.children[index].children;
      if (document.activeElement !== input || Number(input.value) !== value) input.value = value;
      button.disabled = !remove || (id === "sizes" && index === values.length - 1);
      if (id === "sizes") input.readOnly = index === values.length - 1;
    });
  }

  showSizes() {
    const { decoder } = this.edited;
    this.showInputs("sizes", decoder, (index) => `Decoder graph ${index + 1}, sequences`, {
      edit: (index, value) => this.commit({ ...this.edited, decoder: decoder.map((old, at) => (at === index ? value : old)) }),
      remove: (index) => this.commit({ ...this.edited, decoder: this.edited.decoder.filter((_, at) => at !== index) }),
      step: 1,
    });
  }

  showLimit() {
    const { max_pixels } = this.edited;
    $("limit").value = max_pixels;
    $("limit-slider").value = Math.log(max_pixels);
    $("limit-slider").setAttribute("aria-valuetext", `${grouped(max_pixels)} pixels`);
    $("limit-named").value = this.data.limits.named.some((cap) => cap.max_pixels === max_pixels) ? String(max_pixels) : "";
    if (this.data.limits.fixed_because) return;
    const square = squareUnder(max_pixels, this.data.model);
    const top = this.edited.lengths[this.edited.lengths.length - 1];
    const fits = square.needed <= top ? "it fits the top length" : `over the top length of ${grouped(top)}: such an image would fail`;
    $("limit-note").textContent = `It lets an image of ${grouped(square.side_px)} x ${grouped(square.side_px)} px through, which needs ${grouped(square.needed)}; ${fits}.`;
  }

  finding(bill) {
    const top = this.edited.lengths[this.edited.lengths.length - 1];
    const fails = bill.overflow_images
      ? `${number(bill.overflow_images)} images fail: they need more than ${grouped(top)} ViT patches. `
      : "";
    if (same(this.edited, this.plan)) return `${fails}This is the plan: nothing is edited.`;
    const said = compared(this.planned.padded, bill.padded, "ViT compute", "the plan");
    return `${fails}Edited: ${said}; waste ${percent(bill.waste)}.`;
  }

  showTotals(bill) {
    const { unit } = this.data.cost;
    const [plan, edited] = [this.planned, bill];
    const rows = [
      ["Images that fail", number(plan.overflow_images), number(edited.overflow_images), ""],
      ["ViT compute of what is served", compute(plan.padded, unit), compute(edited.padded, unit), change(plan.padded, edited.padded)],
      ["Waste", percent(plan.waste), percent(edited.waste), ""],
      ["Graphs", number(this.plan.lengths.length), number(this.edited.lengths.length), ""],
      ["Device memory of all lengths (masks, inputs, outputs)", memory(plan.device_bytes), memory(edited.device_bytes), change(plan.device_bytes, edited.device_bytes)],
      ["Images shrunk by max_pixels", number(plan.shrunk_images), number(edited.shrunk_images), ""],
    ];
    if (edited.decoder) {
      const costs = [plan.decoder, edited.decoder].map((each) => `${significant(each.mean_step_cost, 4)} ${this.data.decoder.unit}`);
      rows.push(["Mean decode step", ...costs, change(plan.decoder.mean_step_cost, edited.decoder.mean_step_cost)]);
    }
    const failing = edited.overflow_images > 0;
    $("totals").replaceChildren(...rows.map((cells, index) => {
      const row = element("tr", {}, element("th", { scope: "row", class: "text" }, cells[0]), ...cells.slice(1).map((cell) => element("td", { class: "number" }, cell)));
      if (failing && index === 0) row.className = "failing";
      return row;
    }));
  }

  showBuckets(bill) {
    const rows = bill.buckets.map((bucket) => {
      const side = largestSquare(bucket.length, this.data.model);
      const cells = [
        grouped(Math.ceil(bucket.length / this.data.model.merge ** 2)),
        side ? `${grouped(side)} x ${grouped(side)}` : "none",
        number(bucket.runs),
        percent(bucket.share),
        compute(bucket.padded, this.data.cost.unit),
        percent(bucket.waste),
        memory(bucket.device_bytes),
      ];
      return element("tr", {}, element("th", { scope: "row", class: "number" }, grouped(bucket.length)), ...cells.map((cell) => element("td", { class: "number" }, cell)));
    });
    $("buckets").replaceChildren(...rows);
  }

  text(release, file) {
    if (same(this.edited, this.plan)) return file.text;
    return filled(file.pattern, this.edited, this.current, this.current.decoder, release.extra, this.data);
  }

  showFile() {
    const release = this.data.releases.find((each) => each.version === $("release").value);
    if (!release) return;
    const chosen = Math.max($("file").selectedIndex, 0);
    if ($("file").dataset.release !== release.version) {
      $("file").replaceChildren(...release.files.map((file) => element("option", {}, file.name)));
      $("file").selectedIndex = chosen;
      $("file").dataset.release = release.version;
    }
    $("text").textContent = this.text(release, release.files[chosen]);
    const { lengths, max_pixels } = this.edited;
    const scale = this.data.unit === "merged_patches" ? this.data.model.merge ** 2 : 1;
    const pins = lengths.map((length) => `--pin ${Math.ceil(length / scale)}`).join(" ");
    $("options").textContent = `--buckets ${lengths.length} ${pins} --max-pixels ${max_pixels}`;
  }
}

function startPanel() {
  const place = document.getElementById("what-if-data");
  if (place) window.bucketwise.panel = new Panel(JSON.parse(place.textContent));
}
