// What the core computes (patching.py, cost.py, optimize/exact.py, decoder/graphs.py),
// on the histogram that stands in the page. Same steps in the same order: the last bit
// decides some roundings.

const UNLIMITED_PIXELS = 2 ** 50;

function halfToEven(value) {
  const whole = Math.floor(value);
  const rest = value - whole;
  if (rest !== 0.5) return Math.round(value);
  return whole % 2 === 0 ? whole : whole + 1;
}

// Sides after the processor's resize; `weight` and `rounded` are a clip's frames.
function resized(height, width, weight, rounded, limits, factor) {
  const kept = [halfToEven(height / factor) * factor, halfToEven(width / factor) * factor];
  const area = rounded * kept[0] * kept[1];
  const pixels = weight * height * width;
  if (area > limits.max_pixels) {
    const shrink = Math.sqrt(Math.max(pixels, 1) / limits.max_pixels);
    return [height, width].map((side) => Math.max(factor, Math.floor(side / shrink / factor) * factor));
  }
  if (area < limits.min_pixels) {
    const grow = Math.sqrt(limits.min_pixels / Math.max(pixels, 1));
    return [height, width].map((side) => Math.ceil((side * grow) / factor) * factor);
  }
  return kept;
}

function neededLength(gridHeight, gridWidth, model) {
  if (!model.window) return gridHeight * gridWidth;
  const windows = Math.ceil(gridHeight / model.window) * Math.ceil(gridWidth / model.window);
  return (windows + model.extra_windows) * model.window ** 2;
}

// Distinct needed lengths, ascending, with their runs and images, under an upper limit.
function demandUnder(data, maxPixels) {
  const { sizes, fixed, model } = data;
  const factor = model.patch * model.merge;
  const limits = { min_pixels: data.limits.min_pixels, max_pixels: maxPixels };
  const unlimited = { min_pixels: data.limits.min_pixels, max_pixels: UNLIMITED_PIXELS };
  const found = new Map();
  const add = (needed, runs, images) => {
    const cell = found.get(needed);
    if (cell) {
      cell.runs += runs;
      cell.images += images;
    } else {
      found.set(needed, { needed, runs, images });
    }
  };
  let shrunk = 0;
  const each = [];
  for (let i = 0; i < sizes.height.length; i += 1) {
    const weight = sizes.weight ? sizes.weight[i] : 1;
    const rounded = sizes.rounded ? sizes.rounded[i] : 1;
    const sent = [sizes.height[i], sizes.width[i], weight, rounded];
    const [height, width] = resized(...sent, limits, factor);
    const [freeHeight, freeWidth] = resized(...sent, unlimited, factor);
    if (height * width < freeHeight * freeWidth) shrunk += sizes.images[i];
    const runs = sizes.runs ? sizes.runs[i] : sizes.images[i];
    each.push(neededLength(height / model.patch, width / model.patch, model));
    add(each[i], runs, sizes.images[i]);
  }
  fixed.needed.forEach((needed, i) => add(needed, fixed.runs[i], fixed.images[i]));
  const cells = [...found.values()].sort((one, other) => one.needed - other.needed);
  return { cells, shrunk, each: each.concat(fixed.needed) };
}

function costAt(length, cost) {
  return cost.terms || cost.knots ? measuredAt(length, cost) : cost.a * length + cost.b * length ** 2;
}

// A measured curve (nouns/measured_cost.py): of 1, S and S^2, or straight between knots.
function measuredAt(size, { terms, knots, values, past }) {
  if (terms) return terms.reduceRight((sum, term) => sum * size + term, 0);
  const after = knots.findIndex((knot) => knot >= size);
  if (after === 0) return values[0];
  if (after < 0) return values[values.length - 1] + (size - knots[knots.length - 1]) * past;
  const slope = (values[after] - values[after - 1]) / (knots[after] - knots[after - 1]);
  return values[after - 1] + (size - knots[after - 1]) * slope;
}

// Bytes of one length on a device: masks, inputs and outputs; whole where measured.
function bytesAt(length, bytes) {
  const taken = costAt(length, bytes);
  return bytes.terms || bytes.knots ? halfToEven(taken) : taken;
}

// What a demand costs on ascending lengths; runs that no length holds are in no compute.
function price(lengths, demand, data) {
  const buckets = lengths.map((length) => ({ length, runs: 0, images: 0, useful: 0, padded: 0 }));
  let [overflowRuns, overflowImages, at] = [0, 0, 0];
  for (const cell of demand.cells) {
    while (at < lengths.length && lengths[at] < cell.needed) at += 1;
    if (at === lengths.length) {
      overflowRuns += cell.runs;
      overflowImages += cell.images;
      continue;
    }
    buckets[at].runs += cell.runs;
    buckets[at].images += cell.images;
    buckets[at].useful += cell.runs * costAt(cell.needed, data.cost);
  }
  const runs = buckets.reduce((sum, bucket) => sum + bucket.runs, 0);
  for (const bucket of buckets) {
    bucket.padded = bucket.runs * costAt(bucket.length, data.cost);
    bucket.waste = less(bucket.padded, bucket.useful);
    bucket.share = runs > 0 ? bucket.runs / runs : 0;
    bucket.device_bytes = bytesAt(bucket.length, data.bytes);
  }
  const sum = (key) => buckets.reduce((total, bucket) => total + bucket[key], 0);
  const [useful, padded] = [sum("useful"), sum("padded")];
  return {
    buckets,
    useful,
    padded,
    waste: less(padded, useful),
    device_bytes: sum("device_bytes"),
    overflow_runs: overflowRuns,
    overflow_images: overflowImages,
    shrunk_images: demand.shrunk,
  };
}

// Both lists priced on the images that both serve, under the lower of the two limits
// (in_service.py): what is not served, or is made smaller, is no saving.
function priceOnBoth(plan, edited, demandOf, data) {
  const own = demandOf(edited.max_pixels).each;
  const { each } = demandOf(Math.min(plan.max_pixels, edited.max_pixels));
  const told = (key) => (data.sizes[key] ?? data.sizes.images).concat(data.fixed[key]);
  const [runs, images] = [told("runs"), told("images")];
  const [planTop, top] = [plan, edited].map(({ lengths }) => lengths[lengths.length - 1]);
  const both = { images: 0, plan: 0, edited: 0 };
  each.forEach((needed, i) => {
    if (own[i] > top || needed > Math.min(planTop, top)) return;
    both.images += images[i];
    const cost = ({ lengths }) => runs[i] * costAt(lengths.find((length) => length >= needed), data.cost);
    both.plan += cost(plan);
    both.edited += cost(edited);
  });
  return both;
}

function alignUp(length, align) {
  return Math.ceil(length / align) * align;
}

// Candidates: needed lengths rounded up to the alignment, with the runs up to each.
function candidates(demand, align) {
  const found = [];
  let runs = 0;
  for (const cell of demand.cells) {
    runs += cell.runs;
    const length = alignUp(cell.needed, align);
    const last = found[found.length - 1];
    if (last && last.length === length) last.runs = runs;
    else found.push({ length, runs });
  }
  return found;
}

// The exact optimum of k lengths, the last at least `top`. The pair cost is Monge, so the best split moves right
// with the end: halving finds a row in O(D log D) (optimize/exact.py says why).
function bestLengths(demand, k, data, top = 0) {
  const places = candidates(demand, data.model.align);
  const n = places.length;
  places[n - 1].length = Math.max(places[n - 1].length, top);
  const upTo = [0, ...places.map((place) => place.runs)];
  const cost = [0, ...places.map((place) => costAt(place.length, data.cost))];
  let row = Array.from({ length: n + 1 }, (_, end) => upTo[end] * cost[end]);
  const splits = [];
  for (let graphs = 2; graphs <= Math.min(k, n); graphs += 1) {
    const next = new Array(n + 1).fill(Infinity);
    const split = new Array(n + 1).fill(0);
    const fill = (low, high, least, most) => {
      if (low > high) return;
      const middle = (low + high) >> 1;
      for (let from = least; from <= Math.min(most, middle - 1); from += 1) {
        const total = row[from] + (upTo[middle] - upTo[from]) * cost[middle];
        if (total < next[middle]) {
          next[middle] = total;
          split[middle] = from;
        }
      }
      fill(low, middle - 1, least, split[middle]);
      fill(middle + 1, high, split[middle], most);
    };
    fill(graphs, n, graphs - 1, n - 1);
    row = next;
    splits.push(split);
  }
  const lengths = [places[n - 1].length];
  let end = n;
  for (const split of splits.reverse()) {
    end = split[end];
    lengths.unshift(places[end - 1].length);
  }
  return lengths;
}

// The one further length that saves the most compute; null where none saves any.
function bestAddition(lengths, demand, data) {
  const places = candidates(demand, data.model.align);
  let best = { saved: 0, length: null };
  let [at, before] = [0, 0];
  for (const [index, place] of places.entries()) {
    while (at < lengths.length && lengths[at] < place.length) {
      before = index ? places[index - 1].runs : 0;
      at += 1;
    }
    // Past the top nothing is served yet: the first length there is the largest needed.
    if (at === lengths.length) return { saved: 0, length: places[places.length - 1].length };
    const saved = (place.runs - before) * (costAt(lengths[at], data.cost) - costAt(place.length, data.cost));
    if (saved > best.saved) best = { saved, length: place.length };
  }
  return best.length === null ? null : best;
}

// The side in pixels of the largest square image a length holds; 0 for none.
function largestSquare(length, model) {
  let fitting = 0;
  for (let grid = model.merge; grid <= Math.sqrt(length) + 1; grid += model.merge) {
    if (neededLength(grid, grid, model) <= length) fitting = grid;
  }
  return fitting * model.patch;
}

// The needed length of the largest square image that a limit lets through unshrunk.
function squareUnder(maxPixels, model) {
  const factor = model.patch * model.merge;
  const side = Math.max(Math.floor(Math.sqrt(maxPixels) / factor), 1) * factor;
  return { side_px: side, needed: neededLength(side / model.patch, side / model.patch, model) };
}

// Mean cost of a decode step, and what each graph runs; `steps[b - 1]` have b active.
// With fewer slots than were planned, the steps that had more active fill them all.
function priceDecoder(sizes, decoder) {
  const slots = sizes[sizes.length - 1];
  const graphs = sizes.map((size) => ({ size, steps: 0, used: 0 }));
  let [at, total, cost] = [0, 0, 0];
  decoder.steps.forEach((steps, index) => {
    const active = Math.min(index + 1, slots);
    while (sizes[at] < active) at += 1;
    graphs[at].steps += steps;
    graphs[at].used += steps * active;
    total += steps;
    cost += steps * decoder.cost[sizes[at] - 1];
  });
  for (const graph of graphs) {
    graph.share = graph.steps / total;
    graph.slots_used = graph.steps > 0 ? graph.used / (graph.steps * graph.size) : 0;
  }
  return { graphs, mean_step_cost: cost / total };
}
