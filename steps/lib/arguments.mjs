// Arguments of a step: flags it knows and at most one place.
import { giveUp } from './report.mjs';

/** Reads `--flag`, `--option value` and one place; anything else ends the step with its usage. */
export function readArguments({ usage, flags = [], options = [] }) {
  const given = { flags: new Set(), options: {}, place: undefined };
  const words = process.argv.slice(2);
  for (let i = 0; i < words.length; i += 1) {
    const word = words[i];
    if (word === '--help') {
      console.log(usage);
      process.exit(0);
    } else if (flags.includes(word)) {
      given.flags.add(word);
    } else if (options.includes(word) && i + 1 < words.length) {
      i += 1;
      given.options[word] = words[i];
    } else if (word.startsWith('-') || given.place !== undefined) {
      giveUp(`${word} is not understood here.\n${usage}`);
    } else {
      given.place = word;
    }
  }
  return given;
}
