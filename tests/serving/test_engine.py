"""The kernel's thread: who asks gets an answer, whatever happens."""

import asyncio

import pytest
from running_server import SlowDriver

from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.serving.engine import Closed, Engine, TooLarge


def engine(seconds=0.0, **options):
    kernel = Kernel(SlowDriver(seconds), **({"num_blocks": 40, "block_size": 4} | options))
    return Engine(kernel).start()


async def heard(listener):
    tokens = []
    while (new := await listener.said.get()) is not None:
        tokens += new
    return tokens


def test_a_listener_hears_every_token_once():
    async def scene(served):
        listeners = [await served.spawn([65, 66, at], 20, seed=at) for at in range(10)]
        said = await asyncio.gather(*map(heard, listeners))
        assert said == [listener.process.output for listener in listeners]
        assert [len(tokens) for tokens in said] == [20] * 10
        await served.drain()

    served = engine()
    asyncio.run(scene(served))
    assert not served.kernel.processes, "a server that keeps ended processes grows for ever"
    served.stop()


def test_an_error_belongs_to_the_one_who_asked():
    async def scene(served):
        with pytest.raises(ZeroDivisionError):
            await served.call(lambda kernel: 1 / 0)
        with pytest.raises(ValueError, match="the prompt is empty"):
            await served.spawn([], 3)
        with pytest.raises(TooLarge, match="needs 75 blocks, the pool has 40"):
            await served.spawn([1] * 100, 200)
        with pytest.raises(KeyError, match="there is no process 99"):
            await served.fork(99)
        assert len(await heard(await served.spawn([1], 5))) == 5

    served = engine()
    asyncio.run(scene(served))
    served.stop()


def test_a_fork_goes_on_from_where_its_parent_stands():
    async def scene(served):
        parent = await served.spawn([65] * 9, 60, seed=1)
        await parent.said.get()
        child = await served.fork(parent.process.pid, seed=2)
        assert child.process.reused >= 9
        await asyncio.gather(heard(parent), heard(child))
        shared = child.process.prompt_len
        assert child.process.tokens[:shared] == parent.process.tokens[:shared]
        assert child.process.tokens != parent.process.tokens

    served = engine(seconds=0.01)
    asyncio.run(scene(served))
    served.stop()


def test_stopping_ends_who_listens_and_refuses_who_comes_later():
    async def scene(served):
        listener = await served.spawn([65], 100)
        await listener.said.get()
        served.stop()
        await asyncio.wait_for(heard(listener), 5)
        assert listener.process.reason == "the server stopped"
        with pytest.raises(Closed):
            await served.call(lambda kernel: 1)
        with pytest.raises(Closed):
            await served.spawn([65], 1)

    served = engine(seconds=0.01)
    asyncio.run(scene(served))


def test_a_killed_process_is_forgotten_and_killing_it_again_does_nothing():
    async def scene(served):
        listener = await served.spawn([65], 100)
        await listener.said.get()
        served.kill(listener.process.pid)
        await asyncio.wait_for(heard(listener), 5)
        served.kill(listener.process.pid)
        assert await served.call(lambda kernel: len(kernel.pool.free)) == 40

    served = engine(seconds=0.01)
    asyncio.run(scene(served))
    served.stop()


def test_a_listener_whose_loop_has_closed_disturbs_nobody():
    served = engine(seconds=0.002)
    asyncio.run(served.spawn([65], 30))  # the loop closes at once
    assert asyncio.run(_after(served)) == 5
    served.stop()


async def _after(served):
    return len(await heard(await served.spawn([66], 5)))
