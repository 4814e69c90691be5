import { padded, styled } from './screen.ts';
import type { Style } from './screen.ts';

const LEVELS: Readonly<Record<string, number>> = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
};
const FATAL = 60;
const HIDDEN = new Set(['level', 'time', 'msg', 'pid', 'hostname', 'service', 'name', 'v']);
const MAX_CHARACTERS = 400;
/** Errors of the start list every problem with its line, and must be there whole. */
const MAX_ERROR_CHARACTERS = 4_000;

export interface LogLine {
  /** pino's number: 30 is info, 40 a warning. 30 for what is no JSON. */
  readonly level: number;
  readonly text: string;
  /** What it says, without its time, level and details. */
  readonly message: string;
}

/** Turns a service's JSON log line into one for people; what is no JSON stays as it is. */
export function readLogLine(line: string): LogLine {
  const entry = parse(line);
  if (entry === undefined) return { level: 30, text: line, message: line };
  const { level: given, time, msg } = entry;
  const level = typeof given === 'number' ? given : (LEVELS[String(given)] ?? 30);
  const word = Object.entries(LEVELS).find(([, value]) => value === level)?.[0] ?? 'info';
  const details = Object.entries(entry)
    .filter(([name, value]) => !HIDDEN.has(name) && value !== null && errorText(value) === undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const at = typeof time === 'number' || typeof time === 'string' ? clock(new Date(time)) : '';
  const text = [
    at,
    styled(levelStyle(level), padded(word, 5)),
    typeof msg === 'string' ? msg : '',
    styled('dim', details.join(' ')),
  ];
  const errors = Object.values(entry)
    .flatMap((value) => errorText(value) ?? [])
    .map((error) => error.slice(0, MAX_ERROR_CHARACTERS));
  return {
    level,
    text: [text.join(' ').slice(0, MAX_CHARACTERS).trimEnd(), ...errors].join(': '),
    message: [...(typeof msg === 'string' ? [msg] : []), ...errors].join(': '),
  };
}

/** Why a service could not start, out of all that it printed: what its fatal lines say; all lines where it has none. */
export function readFailure(output: string): string {
  const lines = output.trimEnd().split('\n').map(readLogLine);
  const fatal = lines.filter(({ level }) => level >= FATAL);
  if (fatal.length > 0) return fatal.map(({ message }) => message).join('\n');
  return lines.map(({ text }) => text).join('\n');
}

/** The message of a logged error and those of its causes, without stacks; undefined for what is no error. */
function errorText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('message' in value && 'type' in value))
    return undefined;
  const cause = 'cause' in value ? errorText(value.cause) : undefined;
  return cause === undefined ? String(value.message) : `${String(value.message)} (${cause})`;
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function clock(at: Date): string {
  return Number.isNaN(at.getTime()) ? '' : at.toTimeString().slice(0, 8);
}

function levelStyle(level: number): Style {
  if (level >= 50) return 'red';
  return level >= 40 ? 'yellow' : 'dim';
}
