"""Shows a page in headless Chromium with scripts disabled, over its pipe (--remote-debugging-pipe), and
prints as JSON what the browser made of it: python3 chromium.py CHROMIUM PAGE FOLDER."""

import base64, json, os, subprocess, sys, tempfile

chromium, page, folder = sys.argv[1:]
to_child, own_out = os.pipe()
own_in, from_child = os.pipe()


def pipes():
    # What the browser reads is descriptor 3, what it writes 4.
    os.dup2(to_child, 13), os.dup2(from_child, 14)
    os.dup2(13, 3), os.dup2(14, 4)


home = tempfile.mkdtemp()
child = subprocess.Popen(
    [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
     "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
     "--user-data-dir=" + home, "--remote-debugging-pipe", "about:blank"],
    preexec_fn=pipes, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL)
os.close(to_child), os.close(from_child)
reader, asked, events = os.fdopen(own_in, "rb"), 0, []


def receive():
    message = bytearray()
    while (byte := reader.read(1)) != b"\0":
        if not byte:
            sys.exit("the browser ended")
        message += byte
    return json.loads(message)


def ask(method, session=None, **params):
    global asked
    asked += 1
    message = {"id": asked, "method": method, "params": params}
    if session:
        message["sessionId"] = session
    os.write(own_out, json.dumps(message).encode() + b"\0")
    while True:
        answer = receive()
        if answer.get("id") == asked:
            if "error" in answer:
                sys.exit(f"{method}: {answer['error']}")
            return answer["result"]
        events.append(answer)


def show(name, width, height, mobile, media):
    target = ask("Target.createTarget", url="about:blank")["targetId"]
    session = ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    call = lambda method, **params: ask(method, session, **params)
    for domain in ["Page", "Network", "DOM", "Log"]:
        call(domain + ".enable")
    call("Emulation.setScriptExecutionDisabled", value=True)
    call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
         mobile=mobile)
    call("Emulation.setEmulatedMedia", media=media)
    events.clear()
    call("Page.navigate", url="file://" + page)
    while not any(event.get("method") == "Page.loadEventFired" for event in events):
        events.append(receive())
    metrics = call("Page.getLayoutMetrics")
    shot = call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
    write(name + ".png", shot["data"])
    if media == "print":
        write(name + ".pdf", call("Page.printToPDF", preferCSSPageSize=True)["data"])
    root = call("DOM.getDocument", depth=-1)["root"]["nodeId"]
    count = lambda what: len(call("DOM.querySelectorAll", nodeId=root, selector=what)["nodeIds"])
    asked_for = [event["params"]["request"]["url"] for event in events
                 if event.get("method") == "Network.requestWillBeSent"]
    told = {"name": name, "content": metrics["cssContentSize"]["width"],
            "window": metrics["cssLayoutViewport"]["clientWidth"],
            "height": metrics["cssContentSize"]["height"],
            "requests": asked_for, "svg": count("svg"),
            "active": count("script, a, img, iframe, object, embed, form, input, link, base, video"),
            "elements": count("*"),
            "targets": [it["title"] for it in ask("Target.getTargets")["targetInfos"]
                        if it["targetId"] == target]}
    ask("Target.closeTarget", targetId=target)
    return told


def write(name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(base64.b64decode(data))


try:
    # A small phone, a screen, and the width that A4 leaves between the margins of the page.
    told = [show("phone", 360, 740, True, "screen"), show("screen", 1280, 800, False, "screen"),
            show("paper", 703, 1000, False, "print")]
    print(json.dumps(told))
finally:
    child.kill()
    child.wait()
    subprocess.run(["rm", "-rf", home])
