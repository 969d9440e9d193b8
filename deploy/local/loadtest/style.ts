export const STYLE = `
:root{color-scheme:light dark;--ground:#f6f7f9;--panel:#fff;--line:#e3e6eb;--text:#1b2330;--quiet:#667085;--l0:#2f6fed;--l1:#0f9d76;--l2:#b7791f;--good:#12805c;--wait:#a15c00;--bad:#c0392b}
@media (prefers-color-scheme:dark){:root{--ground:#12161d;--panel:#1a2029;--line:#2a323e;--text:#e7ebf1;--quiet:#94a0b3;--l0:#78a5ff;--l1:#4fd0a5;--l2:#f0b25a;--good:#4fd0a5;--wait:#f0b25a;--bad:#ff8a7a}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:1rem/1.5 system-ui,sans-serif}
main{max-width:72rem;margin:0 auto;padding:2rem clamp(1rem,4vw,3rem) 4rem;display:grid;gap:1.25rem}
header p{margin:0;color:var(--quiet)}.name{font-size:.85rem}
h1{margin:.1rem 0 .2rem;font-size:1.7rem;font-weight:650}
h2{margin:0 0 .75rem;font-size:1rem;font-weight:600}
section{background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:1.1rem 1.25rem;overflow-x:auto}
.verdict{border-left:6px solid currentColor}.verdict h2{margin:0;font-size:1.15rem}.verdict p{margin:.35rem 0 0;color:var(--text)}
.good{color:var(--good)}.bad{color:var(--bad)}.wait{color:var(--wait)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem;background:none;border:0;padding:0}
figure{margin:0;background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:.9rem 1rem}
figcaption{font-size:.9rem;display:flex;flex-wrap:wrap;gap:.1rem .9rem;align-items:baseline}figcaption i{color:var(--quiet);font-style:normal}
figcaption span::before{content:"";display:inline-block;width:.9rem;height:.2rem;border-radius:1px;margin-right:.35rem;vertical-align:middle;background:currentColor}
.key-0{color:var(--l0)}.key-1{color:var(--l1)}.key-2{color:var(--l2)}
svg{width:100%;height:auto;display:block;margin-top:.4rem}
.rules line{stroke:var(--line)}.rules text{fill:var(--quiet);font-size:11px}
path{fill:none;stroke-width:2;stroke-linejoin:round}.line-0{stroke:var(--l0)}.line-1{stroke:var(--l1)}.line-2{stroke:var(--l2)}
table{border-collapse:collapse;width:100%;font-size:.93rem}td,th{text-align:left;padding:.35rem .75rem .35rem 0;border-top:1px solid var(--line);font-weight:400}
tr:first-child>*{border-top:0}th{color:var(--quiet)}.number{text-align:right;font-variant-numeric:tabular-nums}
`;
