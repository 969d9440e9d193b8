interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Prometheus' text format 0.0.4, strictly: any line that is none of it throws. */
export function parseExposition(text: string) {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\w+) (counter|gauge|histogram|summary)$/.exec(line);
    const sample = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
    else if (sample !== null) {
      const [, name = '', labels = '', value] = sample;
      // Prometheus reads NaN in any case; only a lag that nothing has measured yet may be one.
      const isUnmeasured = value === 'Nan' && name.startsWith('nodejs_eventloop_lag');
      if (Number.isNaN(Number(value)) && !isUnmeasured) throw new Error(`No number: ${line}`);
      samples.push({ name, labels: parseLabels(labels), value: Number(value) });
    } else if (line !== '' && !/^# HELP \w+ \S/.test(line)) throw new Error(`No metric: ${line}`);
  }
  const find = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    samples.find(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    );
  return {
    types,
    samples,
    value: (name: string, labels?: Readonly<Record<string, string>>) => find(name, labels)?.value,
    count: (name: string) => samples.filter((sample) => sample.name === name).length,
  };
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(/(\w+)="([^"\\]*)"(?:,|$)/g)].map(([, key = '', value = '']) => [key, value]),
  );
}
