// CINs as somebody types or pastes them.
const PLACES = [
  [1, /[LU]/, "L or U"], [6, /\d/, "a digit (industry)"], [8, /[A-Z]/, "a letter (state)"], [12, /\d/, "a digit (year)"],
  [15, /[A-Z]/, "a letter (kind)"], [21, /\d/, "a digit (number)"],
];

// What is wrong with a CIN, or null
export function cinFault(cin) {
  for (let at = 0; at < Math.min(cin.length, 21); at++) {
    const [, pattern, expected] = PLACES.find(([end]) => at < end);
    if (!pattern.test(cin[at])) return `position ${at + 1} must be ${expected}`;
  }
  return cin.length === 21 ? null : `has ${cin.length} characters, a CIN has 21`;
}

// {valid: [cin…] once each, faults: ["X: why"…], doubled: n}
export function readCins(text) {
  const words = text.toUpperCase().split(/[\s,;]+/).filter(Boolean);
  const valid = new Set();
  const faults = [];
  let doubled = 0;
  for (const word of words) {
    const fault = cinFault(word);
    if (fault) faults.push(`${word.slice(0, 30)}: ${fault}`);
    else if (valid.has(word)) doubled++;
    else valid.add(word);
  }
  return { valid: [...valid], faults, doubled };
}
