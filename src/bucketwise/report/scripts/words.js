// Numbers as the rest of the page writes them (numbers.py).

const NOISE = 1e-12;
const MINUS = "\u2212";
const SI_PREFIXES = ["", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q"];
const TIMES = [[3600000, "h"], [60000, "min"], [1000, "s"]];
const BYTE_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

// As Python writes them: to the nearest, and to even where two are equally near, which
// happens only where the value is an odd multiple of half of the last place.
function grouped(value, decimals = 0) {
  let text = value.toFixed(decimals);
  if (Math.abs(value * 2 ** (decimals + 1)) % 2 === 1) {
    text = (halfToEven(value * 10 ** decimals) / 10 ** decimals).toFixed(decimals);
  }
  const [whole, rest] = text.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return rest ? `${spaced}.${rest}` : spaced;
}

// A length in the unit of the engine.
function told(length, data) {
  return grouped(Math.ceil(length / data.words.per));
}

function number(value) {
  const whole = halfToEven(value);
  if (Math.abs(value - whole) <= NOISE * Math.abs(value) || value >= 1000) return grouped(whole);
  if (value < 0.001) return "<0.001";
  return value >= 1 ? grouped(value, 1) : String(Number(significant(value, 2)));
}

function percent(share) {
  if (share === 0) return "0%";
  if (Math.abs(share - 1) < NOISE) return "100%";
  const text = grouped(Math.abs(share) * 100, 1);
  const sign = share < 0 ? MINUS : "";
  if (text === "0.0") return `${sign}<0.1%`;
  if (text === "100.0") return Math.abs(share) < 1 ? `${sign}>99.9%` : `${sign}100.0%`;
  return `${sign}${text}%`;
}

function significant(value, digits) {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  const places = digits - 1 - magnitude;
  if (places < 0) return grouped(halfToEven(value / 10 ** -places) * 10 ** -places);
  const rounded = Number(grouped(value, places).replaceAll(",", ""));
  const decimals = Math.max(digits - 1 - Math.floor(Math.log10(Math.abs(rounded))), 0);
  return grouped(rounded, decimals);
}

function compute(value, unit) {
  if (unit === "patch") return `${number(value)} ${number(value) === "1" ? "patch" : "patches"}`;
  if (value <= 0) return `0 ${unit}`;
  if (unit === "ms") {
    const [scale, name] = TIMES.find(([each]) => value * (1 + 0.5e-3) >= each) ?? [1, unit];
    return `${significant(value / scale, 3)} ${name}`;
  }
  const power = Math.floor(Math.log10(value * (1 + 0.5e-3)) / 3);
  const index = Math.min(Math.max(power, 0), SI_PREFIXES.length - 1);
  return `${significant(value / 1000 ** index, 3)} ${SI_PREFIXES[index]}${unit}`;
}

function memory(bytes) {
  let index = 0;
  while (index < BYTE_UNITS.length - 1 && bytes >= 1024 ** (index + 1)) index += 1;
  if (index === 0) return `${number(bytes)} ${number(bytes) === "1" ? "byte" : "bytes"}`;
  return `${significant(bytes / 1024 ** index, 3)} ${BYTE_UNITS[index]}`;
}

// Equal sums in another order differ by float noise, which is no difference.
function less(before, after) {
  const share = before > 0 ? 1 - after / before : 0;
  return Math.abs(share) < NOISE ? 0 : share;
}

function change(before, after) {
  if (before <= 0) return "not comparable";
  const ratio = after / before;
  if (Math.abs(ratio - 1) < NOISE) return "the same";
  if (ratio >= 2) return `${significant(ratio, 3)} times`;
  return ratio < 1 ? `${percent(1 - ratio)} less` : `${percent(ratio - 1)} more`;
}

function compared(before, after, noun, other) {
  const said = change(before, after);
  if (said === "the same") return `as much ${noun} as ${other}`;
  if (said.endsWith("times")) return `${said} the ${noun} of ${other}`;
  return `${said} ${noun} than ${other}`;
}
