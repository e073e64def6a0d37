"use strict";

// A lost connection is tried again after a random part of a time that doubles (RFC 6455 §7.2.3), in milliseconds.
const FIRST_DELAY = 500;
const LONGEST_DELAY = 15000;

// A connection that nothing is heard of is not one: the browser itself would take minutes to notice.
const HANDSHAKE_LIMIT = 10000;

const element = (id) => document.getElementById(id);
const messages = element("messages");
const input = element("text");
const newer = element("newer");

let socket = null;
let attempts = 0;
let retry = 0;
let myName = "";

// Lines that are shown, by their id; lines of ours that the server has not confirmed, by their key.
const shown = new Set();
const waiting = new Map();

// What the keys of this tab's lines begin with, so that it knows its own lines after a reload.
const tab = sessionStorage.getItem("tab") ?? random();
sessionStorage.setItem("tab", tab);

function random() {
  return Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("-");
}

function connect() {
  clearTimeout(retry);
  setState("connecting", attempts === 0 ? "Connecting…" : "Reconnecting…");
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const opening = new WebSocket(`${scheme}//${location.host}/ws`);
  socket = opening;
  const limit = setTimeout(() => opening.close(), HANDSHAKE_LIMIT);
  opening.onopen = () => clearTimeout(limit);
  opening.onmessage = (event) => {
    if (socket === opening) {
      receive(JSON.parse(event.data));
    }
  };
  opening.onclose = () => {
    clearTimeout(limit);
    if (socket === opening) {
      socket = null;
      reconnectLater();
    }
  };
}

function reconnectLater() {
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempts);
  attempts += 1;
  setState("offline", "Connection lost. Reconnecting…");
  retry = setTimeout(connect, longest / 2 + Math.random() * longest / 2);
}

function receive(news) {
  switch (news.type) {
    case "welcome":
      attempts = 0;
      setState("online", "Connected");
      news.lines.forEach(showLine);
      takeName(news.name);
      showOnline(news.online);
      // What was typed while there was no connection, and what got lost with the last one.
      for (const { key, text } of waiting.values()) {
        transmit({ type: "say", text, key });
      }
      break;
    case "line":
      showLine(news.line);
      break;
    case "online":
      showOnline(news.online);
      break;
    case "you":
      setName(news.name);
      break;
  }
}

// A name that was chosen is asked for again after a new connection.
function takeName(offered) {
  const chosen = sessionStorage.getItem("name");
  setName(offered);
  if (chosen && chosen !== offered) {
    transmit({ type: "name", name: chosen });
  }
}

function setName(name) {
  myName = name;
  element("you").textContent = name;
  markMyself();
}

function transmit(message) {
  if (socket && socket.readyState === WebSocket.OPEN) {
    socket.send(JSON.stringify(message));
  }
}

function setState(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
}

function showOnline(names) {
  element("count").textContent = names.length;
  element("online").replaceChildren(...names.map((name) => {
    const item = document.createElement("li");
    item.textContent = name;
    return item;
  }));
  markMyself();
}

function markMyself() {
  let found = false;
  for (const item of element("online").children) {
    const isMe = !found && item.textContent === myName;
    found ||= isMe;
    item.classList.toggle("you", isMe);
  }
}

function showLine(line) {
  if (shown.has(line.id)) {
    return;
  }
  shown.add(line.id);
  const own = waiting.get(line.key);
  waiting.delete(line.key);
  own?.item.remove();
  append(makeItem(line.name, line.text, line.at, line.key.startsWith(tab)));
}

// Markup in a line is text like any other: nothing here is ever parsed as HTML.
function makeItem(name, text, at, isMine) {
  const item = document.createElement("li");
  item.classList.toggle("mine", isMine);
  item.dataset.name = name;
  const who = document.createElement("p");
  who.className = "who";
  const bold = document.createElement("b");
  bold.textContent = name;
  const time = document.createElement("time");
  const date = new Date(at);
  time.dateTime = date.toISOString();
  time.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  who.append(bold, time);
  const body = document.createElement("p");
  body.className = "text";
  body.textContent = text;
  item.append(who, body);
  return item;
}

function append(item) {
  const follows = isAtEnd();
  // What waits stays last.
  const firstWaiting = messages.querySelector(".waiting");
  const before = item.classList.contains("waiting") ? null : firstWaiting;
  messages.insertBefore(item, before);
  markFirst(item);
  markFirst(item.nextElementSibling);
  if (follows || item.classList.contains("mine")) {
    scrollToEnd();
  } else {
    newer.hidden = false;
  }
}

// Only the first of several lines by one person says who and when.
function markFirst(item) {
  const before = item?.previousElementSibling;
  const isSame = before && before.dataset.name === item.dataset.name
    && before.classList.contains("mine") === item.classList.contains("mine");
  item?.classList.toggle("first", !isSame);
}

function isAtEnd() {
  return messages.scrollHeight - messages.scrollTop - messages.clientHeight < 60;
}

function scrollToEnd() {
  messages.scrollTop = messages.scrollHeight;
  newer.hidden = true;
}

function say(text) {
  const key = `${tab}.${random()}`;
  const item = makeItem(myName, text, Date.now(), true);
  item.classList.add("waiting");
  waiting.set(key, { key, text, item });
  append(item);
  transmit({ type: "say", text, key });
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = input.value;
  const name = text.match(/^\/name\s+(.+)$/);
  if (text.trim() === "") {
    return;
  }
  input.value = "";
  input.focus();
  if (name) {
    sessionStorage.setItem("name", name[1].trim());
    transmit({ type: "name", name: name[1].trim() });
  } else {
    say(text);
  }
});

messages.addEventListener("scroll", () => {
  if (isAtEnd()) {
    newer.hidden = true;
  }
});
newer.addEventListener("click", scrollToEnd);
window.addEventListener("resize", scrollToEnd);
// A phone that wakes up or is back in the network does not wait for its turn.
const now = () => {
  if (!socket) {
    attempts = 0;
    connect();
  }
};
window.addEventListener("online", now);
document.addEventListener("visibilitychange", () => document.hidden || now());

connect();
