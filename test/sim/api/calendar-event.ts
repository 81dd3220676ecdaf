// When a backup job is due: the calendar events of systemd as Proxmox VE reads them, in UTC and to the minute.

const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const words: Readonly<Record<string, string>> = {
  minutely: '*:*',
  hourly: '*:00',
  daily: '00:00',
  weekly: 'mon 00:00',
  monthly: '*-*-01 00:00',
  yearly: '*-01-01 00:00',
};

const minuteMs = 60_000;
/** How far the next run is looked for. */
const horizonMinutes = 8 * 24 * 60;

/** A moment's numbers, as an event names them. */
interface Moment {
  day: number;
  date: [number, number, number];
  hour: number;
  minute: number;
}

/** Whether the event falls into the minute of that time (milliseconds since the epoch). An event that cannot be read never does. */
export function isDue(event: string, atMs: number): boolean {
  const moment = momentOf(atMs);
  const parts = (words[event.trim()] ?? event.trim()).toLowerCase().split(/\s+/);
  return parts.every((part) => partMatches(part, moment)) && (parts.some(isTime) || midnight(moment));
}

/** Seconds since the epoch of the next run within eight days; undefined when there is none. */
export function nextRun(event: string, afterMs: number): number | undefined {
  const first = Math.floor(afterMs / minuteMs) + 1;
  for (let minute = first; minute < first + horizonMinutes; minute += 1) {
    if (isDue(event, minute * minuteMs)) return minute * 60;
  }
  return undefined;
}

function momentOf(atMs: number): Moment {
  const time = new Date(atMs);
  return {
    day: time.getUTCDay(),
    date: [time.getUTCFullYear(), time.getUTCMonth() + 1, time.getUTCDate()],
    hour: time.getUTCHours(),
    minute: time.getUTCMinutes(),
  };
}

function midnight({ hour, minute }: Moment): boolean {
  return hour === 0 && minute === 0;
}

/** A date has dashes, a weekday letters; what is left is a time. */
function isTime(part: string): boolean {
  return !part.includes('-') && !/[a-z]/.test(part);
}

function partMatches(part: string, moment: Moment): boolean {
  if (isTime(part)) {
    const [minutes = '', hours = '*'] = part.split(':').toReversed();
    return listMatches(hours, moment.hour) && listMatches(minutes, moment.minute);
  }
  if (!part.includes('-')) return part.split(',').some((range) => dayMatches(range, moment.day));
  const fields = part.split('-');
  return fields.length === 3 && fields.every((field, index) => listMatches(field, moment.date[index] ?? 0));
}

function dayMatches(range: string, day: number): boolean {
  const [from, to = from] = range.split('..').map((name) => days.indexOf(name.slice(0, 3)));
  if (from === undefined || to === undefined || from < 0 || to < 0) return false;
  return from <= to ? from <= day && day <= to : day >= from || day <= to;
}

function listMatches(list: string, value: number): boolean {
  return list.split(',').some((range) => rangeMatches(range, value));
}

/** `5`, `*`, `1..5`, and each with a step behind a slash. */
function rangeMatches(range: string, value: number): boolean {
  const match = /^(?:\*|(\d+)(?:\.\.(\d+))?)(?:\/(\d+))?$/.exec(range);
  if (match === null) return false;
  const [, from, to, step] = match;
  const first = Number(from ?? 0);
  const last = Number(to ?? (step === undefined && from !== undefined ? from : Infinity));
  return first <= value && value <= last && (value - first) % Number(step ?? 1) === 0;
}
