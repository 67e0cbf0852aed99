'use strict';

// The admin panel. It does everything through the public API, as the person who has signed in, and keeps their tokens in
// memory only: closing or reloading the page forgets them. What the API says enters the page as text, never as HTML; the
// page's policy (`require-trusted-types-for`) forbids the other way.

// ---- The page ------------------------------------------------------------------------------------------------------

const bar = document.getElementById('bar');
const main = document.getElementById('main');
const message = document.getElementById('message');

/** An element. An attribute that is a function is a listener; null and false leave an attribute or a child out. */
function h(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (typeof value === 'function') element.addEventListener(key, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Shows a view under a title. */
function show(title, ...nodes) {
  document.title = title ? `${title} · Rollcall admin` : 'Rollcall admin';
  main.replaceChildren(...nodes);
}

function heading(text) {
  return h('h1', { tabindex: -1 }, text);
}

/** Where a screen reader begins to read a view. */
function focusOnHeading() {
  scrollTo(0, 0);
  main.querySelector('h1')?.focus();
}

/** Tells what has been done; it stays until the next step. */
function say(text) {
  message.textContent = text;
}

function loading() {
  return h('p', { class: 'note loading' }, 'Loading…');
}

/** What went wrong, and perhaps what can be done about it. */
function alertBox(text, label, act) {
  const button = label && h('button', { type: 'button', click: act }, label);
  return h('div', { class: 'alert', role: 'alert', tabindex: -1 }, h('p', null, text), button);
}

/** A listener that does nothing while it is at work. */
function once(button, act) {
  return async (event) => {
    event.preventDefault();
    if (button.hasAttribute('aria-disabled')) return;
    button.setAttribute('aria-disabled', 'true');
    try {
      await act();
    } finally {
      button.removeAttribute('aria-disabled');
    }
  };
}

/** Asks before something that cannot be undone. */
function confirmed(question, consequence, verb) {
  return new Promise((resolve) => {
    const answer = (value) => () => dialog.close(value);
    const dialog = h('dialog', { 'aria-labelledby': 'question', 'aria-describedby': 'consequence' },
      h('h2', { id: 'question' }, question),
      h('p', { id: 'consequence' }, consequence),
      h('div', { class: 'buttons' },
        h('button', { type: 'button', autofocus: true, click: answer('') }, 'Cancel'),
        h('button', { type: 'button', class: 'danger', click: answer('yes') }, verb)));
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

// ---- The API -------------------------------------------------------------------------------------------------------

/** Where the API is: beside this page, behind whatever stage or domain. */
const base = location.pathname.replace(/\/admin\/?$/, '');

/** Who has signed in: `{ access, refresh, user }`. */
let session = null;
/** A refresh that is under way; requests that need it share it. */
let renewal = null;

/** An answer that is no success. `fields` are the complaints about single fields. */
class Refused extends Error {
  constructor(status, body) {
    const fields = body?.detail === undefined && status === 400 ? body ?? {} : {};
    super(body?.detail ?? (Object.keys(fields).length ? 'Please correct the fields below.' : `The server answered with an error (${status}).`));
    this.status = status;
    this.fields = fields;
  }
}

async function request(method, path, { body, etag, token, signal } = {}) {
  const headers = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (etag) headers['If-Match'] = etag;
  if (token) headers.Authorization = `Bearer ${token}`;
  let answer, text;
  try {
    answer = await fetch(base + path, { method, headers, signal, body: body && JSON.stringify(body), credentials: 'omit' });
    text = await answer.text();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Refused(0, { detail: 'The server cannot be reached.' });
  }
  let data = null;
  try {
    data = JSON.parse(text);
  } catch {
    // A body that is no JSON says nothing to us.
  }
  if (!answer.ok) throw new Refused(answer.status, data);
  // A proxy that compresses makes the tag weak; the API compares strongly.
  const next = answer.headers.get('Link')?.match(/^<([^>]*)>; rel="next"$/)?.[1];
  return { data, etag: answer.headers.get('ETag')?.replace(/^W\//, ''), next };
}

/** A request with the access token; an expired one is renewed once. */
async function call(method, path, options) {
  if (!session) throw new Refused(401, null);
  const token = session.access;
  try {
    return await request(method, path, { ...options, token });
  } catch (error) {
    if (error.status !== 401) throw error;
  }
  if (session?.access === token) await renew();
  if (!session) throw new Refused(401, null);
  try {
    return await request(method, path, { ...options, token: session.access });
  } catch (error) {
    if (error.status === 401) end('Your session has ended. Please sign in again.');
    throw error;
  }
}

function renew() {
  const own = session;
  renewal ??= request('POST', '/api/token/refresh', { body: { refresh: own.refresh } }).then(
    // Where refresh tokens are not used up, the answer has no other.
    ({ data }) => Object.assign(own, data),
    (error) => {
      if (error.status !== 401) throw error;
      if (session === own) end('Your session has ended. Please sign in again.');
    },
  ).finally(() => { renewal = null; });
  return renewal;
}

/** Forgets who has signed in. The address stays, so that who signs in again is where they were. */
function end(words) {
  session = null;
  route();
  if (words) main.querySelector('form').before(alertBox(words));
}

// ---- Signing in and out --------------------------------------------------------------------------------------------

function signInView() {
  const username = h('input', { id: 'username', name: 'username', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false', required: true });
  const password = h('input', { id: 'password', name: 'password', type: 'password', autocomplete: 'current-password', required: true });
  const button = h('button', { class: 'primary' }, 'Sign in');
  const form = h('form', { class: 'card' },
    h('div', { class: 'field' }, h('label', { for: 'username' }, 'Username, e-mail address or phone number'), username),
    h('div', { class: 'field' }, h('label', { for: 'password' }, 'Password'), password),
    button);
  form.addEventListener('submit', once(button, async () => {
    main.querySelector('.alert')?.remove();
    try {
      await signIn(username.value, password.value);
    } catch (error) {
      form.before(alertBox(error.message));
      password.value = '';
      password.focus();
    }
  }));
  show('Sign in', h('div', { class: 'sign-in' }, h('h1', null, 'Rollcall admin'), form));
  username.focus();
}

async function signIn(username, password) {
  const { data: tokens } = await request('POST', '/api/token', { body: { username, password } });
  const { data: user } = await request('GET', '/api/profile', { token: tokens.access });
  if (!user.is_staff) {
    await request('POST', '/api/logout', { body: { refresh: tokens.refresh } });
    throw new Error('This account is not staff.');
  }
  session = { ...tokens, user };
  route();
}

async function signOut() {
  const { refresh } = session;
  history.replaceState(null, '', '#/');
  end();
  try {
    await request('POST', '/api/logout', { body: { refresh } });
    say('You have signed out.');
  } catch (error) {
    end(`This page has forgotten you, but your session goes on: ${error.message}`);
  }
}

// ---- Values --------------------------------------------------------------------------------------------------------

/** A moment in local time; its title is the moment as the API wrote it. */
function moment(iso) {
  if (!iso) return '–';
  return h('time', { datetime: iso, title: iso }, new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }));
}

function badge(text, kind) {
  return h('span', { class: `badge ${kind ?? ''}` }, text);
}

/** An address or number, and whether it is proven. */
function proven(text, is) {
  return text ? [h('span', null, text, ' '), badge(is ? 'verified' : 'unverified', is ? 'good' : null)] : '–';
}

function fullName(record) {
  return [record.first_name, record.last_name].filter(Boolean).join(' ');
}

function standing(user) {
  return [badge(user.is_active ? 'active' : 'inactive', user.is_active ? 'good' : 'bad'), user.is_staff && badge('staff')];
}

/** A link to the owner of a record, by their name once it is known. */
function owner(id) {
  const link = h('a', { href: `#/users/${id}` }, id);
  call('GET', `/api/users/${id}`, { signal: visit.signal }).then(
    ({ data }) => { link.textContent = data.username; },
    (error) => { if (error.status === 404) link.replaceWith(`${id} (deleted)`); },
  );
  return link;
}

// ---- What there is to manage ---------------------------------------------------------------------------------------

const yesOrNo = (name, label) => ({ name, label, options: [['', 'All'], ['true', 'Yes'], ['false', 'No']] });
const person = [
  { name: 'first_name', label: 'First name' },
  { name: 'last_name', label: 'Last name' },
  { name: 'email', label: 'E-mail address', type: 'email' },
  { name: 'phone_number', label: 'Phone number', type: 'tel' },
  { name: 'date_of_birth', label: 'Date of birth', type: 'date' },
];
const language = {
  name: 'language',
  label: 'Language of messages',
  options: [['', 'Default'], ['de', 'Deutsch'], ['en', 'English'], ['es', 'Español']],
};
const address = { name: 'address', label: 'Address', type: 'textarea' };

/**
 * Each kind of record: where the API has it, what it is called, and what its list and its form show. `facts` are what
 * nobody can change.
 */
const KINDS = {
  users: {
    title: 'Users',
    one: 'user',
    named: 'Username',
    nameOf: (user) => user.username,
    searches: 'Name, username, e-mail address or phone number',
    filters: [yesOrNo('is_active', 'Active'), yesOrNo('is_staff', 'Staff'), yesOrNo('is_phone_verified', 'Phone verified')],
    columns: [
      ['Name', fullName],
      ['E-mail', (user) => proven(user.email, user.is_email_verified)],
      ['Phone', (user) => proven(user.phone_number, user.is_phone_verified)],
      ['Status', standing],
    ],
    created: ['Joined', 'date_joined'],
    fields: [{ name: 'username', label: 'Username' }, ...person, language, address],
    flags: [
      { name: 'is_active', label: 'Active', hint: 'Who is not cannot sign in, and their sessions end.' },
      { name: 'is_staff', label: 'Staff', hint: 'Sees and manages everybody.' },
      { name: 'is_email_verified', label: 'E-mail address verified' },
      { name: 'is_phone_verified', label: 'Phone number verified' },
    ],
    hints: (user) => ({
      email: user.pending_email && `${user.pending_email} takes its place once its code has been entered.`,
      phone_number: user.pending_phone_number && `${user.pending_phone_number} takes its place once its code has been entered.`,
    }),
    facts: (user) => [['Last login', moment(user.last_login)], ['Joined', moment(user.date_joined)], ['ID', user.id]],
    badges: standing,
    isNew: false,
    whenDeleted: 'Their sessions end and their names are free again. Employees they have made stay.',
  },
  employees: {
    title: 'Employees',
    one: 'employee',
    named: 'Name',
    nameOf: fullName,
    searches: 'Name, e-mail address or phone number',
    filters: [{ name: 'department', label: 'Department' }, yesOrNo('is_phone_verified', 'Phone verified')],
    columns: [
      ['Department', (employee) => employee.department],
      ['Job title', (employee) => employee.job_title],
      ['E-mail', (employee) => employee.email],
      ['Phone', (employee) => proven(employee.phone_number, employee.is_phone_verified)],
    ],
    created: ['Created', 'created_at'],
    fields: [
      ...person,
      { name: 'hire_date', label: 'Hire date', type: 'date' },
      { name: 'department', label: 'Department' },
      { name: 'job_title', label: 'Job title' },
      address,
    ],
    flags: [],
    hints: () => ({}),
    facts: (employee) => [
      ['Owner', owner(employee.owner)],
      ['Created', moment(employee.created_at)],
      ['Changed', moment(employee.updated_at)],
      ['ID', employee.id],
    ],
    badges: (employee) => [badge(employee.is_phone_verified ? 'phone verified' : 'phone unverified', employee.is_phone_verified ? 'good' : null)],
    isNew: true,
    whenDeleted: 'This cannot be undone.',
  },
};

// ---- Lists ---------------------------------------------------------------------------------------------------------

/** A list of records. What it shows is in the address, so that it can be reloaded, bookmarked and gone back to. */
function listView(path) {
  const kind = KINDS[path];
  const control = ({ name, label, options, type }, wide) => {
    const input = options
      ? h('select', { name }, options.map(([value, text]) => h('option', { value }, text)))
      : h('input', { name, type: type ?? 'text', autocomplete: 'off' });
    const isTyped = !options;
    input.addEventListener(isTyped ? 'input' : 'change', () => (isTyped ? askSoon() : ask(true)));
    return { input, label: h('label', { class: wide }, label, input) };
  };
  const controls = [
    control({ name: 'search', label: 'Search', type: 'search' }, 'wide'),
    ...kind.filters.map((filter) => control(filter)),
    control({ name: 'ordering', label: 'Order', options: [['', 'Newest first'], ['created_at', 'Oldest first']] }, 'narrow'),
    control({ name: 'page_size', label: 'Rows', options: [['', '20'], ['50', '50'], ['100', '100']] }),
  ];
  controls[0].input.placeholder = kind.searches;
  const records = h('div', null, loading());
  // It stays in the page, so that a screen reader hears it change.
  const count = h('p', { class: 'count', role: 'status' });
  const pager = h('div');
  const results = h('section', { 'aria-label': kind.title }, records, count, pager);
  let pause;

  const hash = (params) => `#/${path}${params.size ? `?${params}` : ''}`;
  const askSoon = () => {
    clearTimeout(pause);
    pause = setTimeout(() => ask(false), 250);
  };
  /** Shows what the controls ask for: as a new step of the history, or, while somebody types, in place of the last. */
  const ask = (isStep) => {
    clearTimeout(pause);
    if (!results.isConnected) return;
    const params = new URLSearchParams();
    for (const { input } of controls) if (input.value.trim()) params.set(input.name, input.value.trim());
    if (hash(params) === location.hash) return;
    history[isStep ? 'pushState' : 'replaceState'](null, '', hash(params));
    say('');
    load(params);
  };

  const load = async (params) => {
    const { signal } = leave();
    results.setAttribute('aria-busy', 'true');
    try {
      const asked = new URLSearchParams(params);
      // Whatever the stack's own order is.
      if (!asked.has('ordering')) asked.set('ordering', '-created_at');
      const { data, next } = await call('GET', `/api/${path}?${asked}`, { signal });
      // A stack may answer with an array instead of a page.
      fill(Array.isArray(data) ? { results: data, next } : data, params);
    } catch (error) {
      if (signal.aborted || !session) return;
      if (error.status === 404 && (params.has('cursor') || params.has('page'))) {
        // The cursor was somebody else's, or the page is gone.
        params.delete('cursor');
        params.delete('page');
        history.replaceState(null, '', hash(params));
        return load(params);
      }
      count.textContent = '';
      pager.replaceChildren();
      records.replaceChildren(alertBox(error.message, 'Try again', () => load(params)));
    }
    results.removeAttribute('aria-busy');
  };

  const fill = ({ results: found, count: all, next, previous }, params) => {
    const these = kind.title.toLowerCase();
    const none = next ? `No ${these} found so far; the next page goes on.` : `No ${these} found.`;
    const here = `${found.length} ${found.length === 1 ? kind.one : these} on this page`;
    count.textContent = found.length ? `${here}${all === undefined ? '' : `, ${all} in all`}.` : none;
    records.replaceChildren(...(found.length ? [table(found, params)] : []));
    pager.replaceChildren(...(next || previous ? [pages(next, previous)] : []));
  };

  const table = (found, params) => {
    const [createdLabel, created] = kind.created;
    const oldestFirst = params.get('ordering') === 'created_at';
    const turned = new URLSearchParams(params);
    turned.delete('cursor');
    turned.delete('page');
    if (oldestFirst) turned.delete('ordering');
    else turned.set('ordering', 'created_at');
    // Cards on a phone are no table any more to some browsers, unless they are told.
    return h('table', { role: 'table' },
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' },
        h('th', { role: 'columnheader' }, kind.named),
        kind.columns.map(([label]) => h('th', { role: 'columnheader' }, label)),
        h('th', { role: 'columnheader', 'aria-sort': oldestFirst ? 'ascending' : 'descending' },
          h('a', { href: hash(turned), title: oldestFirst ? 'Newest first' : 'Oldest first' }, `${createdLabel} ${oldestFirst ? '↑' : '↓'}`)))),
      h('tbody', { role: 'rowgroup' }, found.map((record) => h('tr', { role: 'row' },
        h('th', { role: 'rowheader' }, h('a', { href: `#/${path}/${record.id}` }, kind.nameOf(record))),
        kind.columns.map(([label, value]) => h('td', { role: 'cell', 'data-label': label }, h('span', null, value(record) || '–'))),
        h('td', { role: 'cell', 'data-label': createdLabel }, moment(record[created]))))));
  };

  /** The links of the API hold the page; the host in them may be another one than this page is on. */
  const pages = (next, previous) => {
    const step = (url) => {
      const params = new URL(url).searchParams;
      // It is the order of this page when its address says none.
      if (params.get('ordering') === '-created_at') params.delete('ordering');
      return hash(params);
    };
    const link = (url, label) => (url ? h('a', { class: 'button', href: step(url) }, label) : h('span', null, label));
    return h('nav', { class: 'pages', 'aria-label': 'Pages' }, link(previous, '← Previous'), link(next, 'Next →'));
  };

  const tools = h('form', { class: 'tools', role: 'search', submit: (event) => { event.preventDefault(); ask(true); } },
    controls.map(({ label }) => label));
  const add = kind.isNew && h('a', { class: 'button primary', href: `#/${path}/new` }, `Add ${kind.one}`);
  show(kind.title, h('div', { class: 'top' }, heading(kind.title), add || ''), tools, results);
  return {
    path,
    /** Goes where the address says. */
    go(params) {
      for (const { input } of controls) input.value = params.get(input.name) ?? '';
      load(params);
    },
  };
}

// ---- One record ----------------------------------------------------------------------------------------------------

/** A record's form; without an `id`, that of a new one. */
async function recordView(path, id) {
  const kind = KINDS[path];
  const { signal } = visit;
  const back = h('a', { class: 'back', href: `#/${path}` }, `← ${kind.title}`);
  if (!id) {
    recordForm(path, null, null, back);
    return;
  }
  show(kind.title, back, loading());
  try {
    const { data, etag } = await call('GET', `/api/${path}/${id}`, { signal });
    recordForm(path, data, etag, back);
  } catch (error) {
    if (signal.aborted || !session) return;
    show(kind.title, back, alertBox(error.message, 'Try again', () => recordView(path, id)));
    main.querySelector('.alert').focus();
  }
}

/** An input with its label, its hint and the complaints about it. */
function fieldOf({ name, label, type, options, hint }) {
  const isFlag = type === 'checkbox';
  const property = isFlag ? 'checked' : 'value';
  const input = options
    ? h('select', { id: name, name }, options.map(([value, text]) => h('option', { value }, text)))
    : type === 'textarea'
    ? h('textarea', { id: name, name, rows: 3 })
    : h('input', { id: name, name, type: type ?? 'text', autocomplete: 'off' });
  const hintLine = h('p', { class: 'hint', id: `${name}-hint` }, hint ?? '');
  const error = h('p', { class: 'error', id: `${name}-error` });
  input.setAttribute('aria-describedby', `${error.id} ${hintLine.id}`);
  const labelLine = h('label', { for: name }, label);
  const place = isFlag ? 'field check' : type === 'textarea' ? 'field wide' : 'field';
  let initial;
  return {
    name,
    input,
    node: h('div', { class: place }, isFlag ? [input, labelLine] : [labelLine, input], error, hintLine),
    get value() { return input[property]; },
    set value(value) { input[property] = value; },
    get isChanged() { return this.value !== initial || input.validity.badInput; },
    /** Shows what is stored, but keeps what somebody has typed and not yet saved. */
    set(stored, keepsChanges) {
      const [typed, isKept] = [this.value, keepsChanges && this.isChanged];
      this.value = isFlag ? Boolean(stored) : stored ?? '';
      // As the input gives it: a text area, for one, has its own line ends.
      initial = this.value;
      if (isKept) this.value = typed;
    },
    hint(text) { hintLine.textContent = text ?? hint ?? ''; },
    complain(complaints) {
      error.textContent = complaints.join(' ');
      input.setAttribute('aria-invalid', String(complaints.length > 0));
    },
  };
}

function recordForm(path, record, etag, back) {
  const kind = KINDS[path];
  const isNew = !record;
  const fields = kind.fields.map(fieldOf);
  const flags = kind.flags.map((flag) => fieldOf({ ...flag, type: 'checkbox' }));
  const all = [...fields, ...flags];
  const title = heading('');
  const badges = h('div');
  const facts = h('dl');
  const alerts = h('div');
  const toggle = h('button', { type: 'button' });
  const save = h('button', { class: 'primary' }, isNew ? `Add ${kind.one}` : 'Save');

  const name = () => (isNew ? `New ${kind.one}` : kind.nameOf(record));
  const present = (keepsChanges) => {
    for (const field of all) {
      field.set(record?.[field.name], keepsChanges);
      field.complain([]);
    }
    alerts.replaceChildren();
    title.textContent = name();
    document.title = `${name()} · ${kind.title} · Rollcall admin`;
    if (isNew) return;
    const hints = kind.hints(record);
    for (const field of fields) field.hint(hints[field.name]);
    badges.replaceChildren(...kind.badges(record).filter(Boolean));
    facts.replaceChildren(...kind.facts(record).flatMap(([label, value]) => [h('dt', null, label), h('dd', null, value)]));
    toggle.textContent = record.is_active ? 'Deactivate' : 'Activate';
  };

  /** Complaints stand beside their fields; everything else is on top. */
  const refuse = (error) => {
    if (!session) return;
    const rest = [];
    for (const field of all) field.complain([]);
    for (const [at, complaints] of Object.entries(error.fields ?? {})) {
      const field = all.find((field) => field.name === at);
      if (field) field.complain([complaints].flat().map(String));
      else rest.push([complaints].flat().join(' '));
    }
    const isStale = error.status === 412;
    const words = isStale ? 'Somebody else has changed this record meanwhile. Nothing of yours has been saved.' : [error.message, ...rest].join(' ');
    const box = isStale ? alertBox(words, 'Load it again', reload) : alertBox(words);
    alerts.replaceChildren(box);
    (all.find((field) => field.input.getAttribute('aria-invalid') === 'true')?.input ?? box).focus();
  };
  const attempt = (act) => async () => {
    say('');
    try {
      await act();
    } catch (error) {
      refuse(error);
    }
  };
  const at = () => `/api/${path}/${record.id}`;
  const change = async (body) => {
    ({ data: record, etag } = await call('PATCH', at(), { body, etag }));
  };
  const reload = attempt(async () => {
    ({ data: record, etag } = await call('GET', at()));
    present(false);
    title.focus();
  });

  const submit = attempt(async () => {
    const half = fields.find((field) => field.input.validity.badInput);
    if (half) throw new Refused(400, { [half.name]: ['Enter a whole date, or none.'] });
    const changed = all.filter((field) => field.isChanged);
    const body = Object.fromEntries(changed.map((field) => [field.name, field.value]));
    if (isNew) {
      const { data } = await call('POST', `/api/${path}`, { body: Object.fromEntries(all.map((field) => [field.name, field.value])) });
      goTo(`#/${path}/${data.id}`, `Added ${kind.nameOf(data)}.`);
      return;
    }
    if (changed.length === 0) {
      present(false);
      say('There was nothing to save.');
      return;
    }
    await change(body);
    present(false);
    const pending = [body.email && record.pending_email, body.phone_number && record.pending_phone_number].filter(Boolean);
    say(['Saved.', ...pending.map((value) => `${value} takes effect once its code has been entered.`)].join(' '));
  });

  const switchOver = attempt(async () => {
    await change({ is_active: !record.is_active });
    present(true);
    say(record.is_active ? 'Activated.' : 'Deactivated.');
  });
  const post = (action) => attempt(async () => {
    const { data } = await call('POST', `${at()}/${action}`);
    alerts.replaceChildren();
    say(data.message);
  });
  const remove = attempt(async () => {
    if (!await confirmed(`Delete the ${kind.one} ${name()}?`, kind.whenDeleted, 'Delete')) return;
    await call('DELETE', at(), { etag });
    goTo(`#/${path}`, `Deleted ${name()}.`);
  });
  const action = (button, act) => {
    button.addEventListener('click', once(button, act));
    return button;
  };
  const button = (label, act, look) => action(h('button', { type: 'button', class: look }, label), act);

  const form = h('form', { novalidate: true },
    alerts,
    h('div', { class: 'card' }, h('fieldset', null, fields.map((field) => field.node))),
    flags.length > 0 && h('div', { class: 'card' }, h('fieldset', null, h('legend', null, 'Access'), flags.map((field) => field.node))),
    h('p', { class: 'buttons' }, save, isNew && h('a', { class: 'button', href: `#/${path}` }, 'Cancel')));
  form.addEventListener('submit', once(save, submit));
  const aside = h('aside', { 'aria-label': 'Actions and facts' },
    h('div', { class: 'card buttons' },
      path === 'users' && [action(toggle, switchOver), button('Unlock', post('unlock')), button('Reset password', post('password/forgot')), button('End sessions', post('logout'))],
      button('Delete', remove, 'danger')),
    h('div', { class: 'card' }, facts));
  show('', back, h('div', { class: 'top' }, title, badges), h('div', { class: 'record' }, form, ...(isNew ? [] : [aside])));
  present(false);
  focusOnHeading();
}

// ---- Where one is --------------------------------------------------------------------------------------------------

/** What the present step has asked for and does not need any more after the next. */
let visit = new AbortController();
/** The list that is shown, if one is. */
let list = null;
/** What is to be told at the next step. */
let news = '';

function leave() {
  visit.abort();
  visit = new AbortController();
  return visit;
}

function goTo(hash, words) {
  news = words;
  location.hash = hash;
}

/** Shows what the address asks for, to somebody who has signed in. */
function route() {
  leave();
  document.querySelector('dialog')?.close();
  say(news);
  news = '';
  bar.hidden = !session;
  if (!session) {
    list = null;
    signInView();
    return;
  }
  const [way, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [path, id, ...more] = (way || 'users').split('/');
  document.getElementById('who').textContent = session.user.username;
  document.getElementById('records').replaceChildren(...Object.entries(KINDS).map(([name, kind]) =>
    h('a', { href: `#/${name}`, 'aria-current': name === path && 'page' }, kind.title)));
  const isKnown = Object.hasOwn(KINDS, path) && more.length === 0 && /^[\w-]*$/.test(id ?? '');
  if (isKnown && !id) {
    if (list?.path !== path) list = listView(path);
    list.go(new URLSearchParams(query));
    focusOnHeading();
    return;
  }
  list = null;
  if (isKnown) recordView(path, id === 'new' && KINDS[path].isNew ? null : id);
  else show('Not found', heading('Not found'), h('p', null, 'There is nothing at this address. '), h('a', { href: '#/users' }, 'Users'));
}

window.addEventListener('hashchange', route);
document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
const signOutButton = document.getElementById('sign-out');
signOutButton.addEventListener('click', once(signOutButton, signOut));
route();
