// Figures as people read them.

const figure = new Intl.NumberFormat("en");
const amount = new Intl.NumberFormat("en", { minimumFractionDigits: 2 });
const RISKS = { low: "Low", medium: "Medium", high: "High" };

export const range = (procedure) =>
  `${procedure.currency} ${figure.format(procedure.typical_cost_min)}` +
  ` to ${figure.format(procedure.typical_cost_max)}`;

export const money = (currency, value) => `${currency} ${amount.format(value)}`;

export const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

export const facts = (procedure) => [
  `Typically ${range(procedure)}`,
  `About ${counted(procedure.recovery_days, "day")} of recovery`,
  `${RISKS[procedure.risk_level]} risk`,
];

// "Rhinoplasty (nose reshaping)" as the word and what it means.
export function named(procedure) {
  const [word, meaning = ""] = procedure.name.split(/[()]/);
  const name = document.createElement("span");
  const plain = document.createElement("span");
  name.append(word.trim(), plain);
  plain.className = "plain";
  plain.textContent = meaning;
  return name;
}

export function size(bytes) {
  const kilobytes = Math.max(1, Math.round(bytes / 1000));
  return kilobytes < 1000 ? `${kilobytes} kB` : `${(kilobytes / 1000).toFixed(1)} MB`;
}
