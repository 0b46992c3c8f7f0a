#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Jobs in PyTorch, run with and without the preload; none of them knows of it.

usage: torch_jobs.py JOB [STEPS] [--profiler beside|turns]

Prints one line of JSON: the job, a checksum of its result, the seconds of the loop, and with
--profiler what torch.profiler saw (kernels and their ns).
beside: the profiler runs from before the first CUDA call to the end; turns: in the middle third.
"""
import json
import sys
import time

import torch

DEVICE = "cuda"
PROFILED = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]


class Squares(torch.utils.data.Dataset):
    def __len__(self):
        return 256

    def __getitem__(self, index):
        return torch.full((64,), float(index % 7))


def model():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.ReLU(),
                               torch.nn.Linear(256, 256)).to(DEVICE)


def eager():
    """Return: a function that makes one step."""
    net, batch = model(), torch.ones(64, 256, device=DEVICE)
    best = torch.optim.SGD(net.parameters(), lr=1e-3)

    def step():
        best.zero_grad()
        loss = net(batch).square().mean()
        loss.backward()
        best.step()
        return loss.detach()
    return step


def graphs():
    net, batch = model(), torch.ones(64, 256, device=DEVICE)
    side = torch.cuda.Stream()
    with torch.no_grad():
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            net(batch)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = net(batch).sum()

    def step():
        graph.replay()
        return result.clone()
    return step


def streams():
    lanes = [torch.cuda.Stream() for _ in range(4)]
    values = [torch.ones(512, 512, device=DEVICE) for _ in lanes]
    torch.cuda.synchronize()

    def step():
        for lane, value in zip(lanes, values):
            with torch.cuda.stream(lane):
                value.mul_(0.5).add_(1.0)
        for lane in lanes:
            torch.cuda.current_stream().wait_stream(lane)
        return values[0].sum()
    return step


def loader():
    """Worker processes are forked while CUDA and the tracer are at work."""
    torch.ones(1, device=DEVICE)

    def step():
        total = torch.zeros((), device=DEVICE)
        for batch in torch.utils.data.DataLoader(Squares(), batch_size=64, num_workers=2,
                                                 pin_memory=True):
            total += batch.to(DEVICE, non_blocking=True).sum()
        return total
    return step


def cublas():
    a = torch.ones(512, 512, device=DEVICE, dtype=torch.bfloat16)
    return lambda: (a @ a).sum()


def cudnn():
    torch.backends.cudnn.benchmark = False
    net = torch.nn.Conv2d(16, 16, 3, bias=False).to(DEVICE)
    torch.nn.init.constant_(net.weight, 0.01)
    image = torch.ones(8, 16, 64, 64, device=DEVICE)
    return lambda: net(image).detach().sum()


def decode():
    """One token at a time through small layers, and the host waits for each."""
    net = torch.nn.Sequential(*[torch.nn.Linear(512, 512) for _ in range(32)]).to(DEVICE).half()
    token = torch.ones(1, 512, device=DEVICE, dtype=torch.half)

    def step():
        with torch.no_grad():
            return torch.tensor(float(net(token).sum().item()))
    return step


def decode_graph():
    net = torch.nn.Sequential(*[torch.nn.Linear(512, 512) for _ in range(32)]).to(DEVICE).half()
    token = torch.ones(1, 512, device=DEVICE, dtype=torch.half)
    with torch.no_grad():
        net(token)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = net(token).sum()

    def step():
        graph.replay()
        return torch.tensor(float(result.item()))
    return step


JOBS = {job.__name__: job for job in [eager, graphs, streams, loader, cublas, cudnn, decode,
                                      decode_graph]}


def seen_by(profiler):
    """Return: (kernels, their ns) among what the profiler recorded of the GPU."""
    events = [event for event in profiler.profiler.kineto_results.events()
              if event.device_type() == torch.autograd.DeviceType.CUDA]
    kernels = [event for event in events
               if not event.name().startswith(("Memcpy", "Memset"))]
    return len(kernels), sum(event.duration_ns() for event in kernels)


def repeat(step, count):
    result = None
    for _ in range(count):
        result = step()
    torch.cuda.synchronize()
    return result


def run(job, steps, how):
    told = {}
    if how == "beside":
        with torch.profiler.profile(activities=PROFILED) as profiler:
            result = repeat(JOBS[job](), steps)
        told["profiled_kernels"], told["profiled_ns"] = seen_by(profiler)
        return result, told
    step = JOBS[job]()
    repeat(step, 3)
    start = time.monotonic()
    result = repeat(step, steps)
    told["seconds"] = time.monotonic() - start
    if how == "turns":
        with torch.profiler.profile(activities=PROFILED) as profiler:
            repeat(step, steps)
        told["profiled_kernels"], told["profiled_ns"] = seen_by(profiler)
        result = repeat(step, steps)
    return result, told


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    how = words.pop() if "--profiler" in sys.argv else ""
    job, steps = words[0], int(words[1]) if len(words) > 1 else 20
    result, told = run(job, steps, how)
    print(json.dumps({"job": job, "result": round(float(result), 3), **told}))


if __name__ == "__main__":
    main()
