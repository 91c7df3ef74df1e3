using System.Collections.Concurrent;
using System.Runtime.InteropServices;

using SemAim.Runtime.Native;

namespace SemAim.Runtime.Data;

internal enum BadSamplePolicy
{
    /// <summary>The batch with the sample throws when it is taken.</summary>
    Fail,

    /// <summary>Training only: another sample, the same on every machine, takes its place and is counted.</summary>
    Replace,
}

/// <summary>Memory of one batch. The TorchSharp version is a pinned tensor; tests use plain memory.</summary>
internal interface IBatchMemory : IDisposable
{
    nint Pixels { get; }
}

internal sealed unsafe class NativeBatchMemory(long bytes) : IBatchMemory
{
    public nint Pixels { get; } = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);

    public void Dispose() => NativeMemory.AlignedFree((void*)Pixels);
}

/// <summary>A sample that could not be decoded and was replaced.</summary>
/// <param name="Path">name in the source</param>
/// <param name="Batch">number of the batch in which it first stood</param>
internal sealed record RefusedSample(string Path, string Reason, int Index, long Epoch, long Batch);

/// <summary>How many files of a set may be unreadable.</summary>
internal static class BadFiles
{
    /// <summary>Index of the sample that takes a bad one's place, the same in every epoch and on every rank.</summary>
    /// <param name="attempt">1, then 2 where the substitute is bad too, and so on</param>
    internal static int Substitute(ulong seed, int index, int attempt, int count)
        => new SampleRng(seed, 0, (ulong)index * 16 + (ulong)attempt, RngStream.Substitute).NextInt(count);

    /// <summary>So many of a set; a single one never stops a run unless nothing at all is tolerated.</summary>
    internal static int Allowed(double fraction, int count) => fraction <= 0 ? 0 : (int)Math.Max(1, Math.Min(count, fraction * count));
}

/// <summary>A batch lent by the ring. Return it only when the copy to the device has finished.</summary>
internal sealed class Batch
{
    internal Action<Batch>? Release;
    internal int Open;                   // rows not finished
    internal Exception?[] Errors = [];
    internal ConcurrentQueue<(int Row, int Attempt, RefusedSample Sample)>? Refusals;

    public long Number { get; internal set; }

    public int Rows { get; internal set; }

    public required IBatchMemory Memory { get; init; }

    public required RowInfo[] Info { get; init; }

    public void Return() => Release?.Invoke(this);
}

internal sealed record RingOptions(int Workers, int Slots = 4, int Size = 224, int Rows = 64, ulong Seed = 0,
    BadSamplePolicy OnBadSample = BadSamplePolicy.Fail, int MaxBadFiles = 1, int ReadAttempts = 3, Action<RefusedSample>? Refused = null);

/// <summary>
/// K batch slots filled by N threads. A thread draws a ticket p and works on batch p / rows, row p % rows; it waits only while
/// the slot batch % K is still in use, so the look-ahead is bounded. The consumer takes the batches in order: there is no
/// reordering queue, no barrier per batch, and nothing is allocated per image but the file handle. Without workers <see cref="Take"/> itself makes the batch.
/// </summary>
internal sealed unsafe class RingLoader : IDisposable
{
    private readonly ISampleSource _source;
    private readonly IBatchPlan _plan;
    private readonly Func<ISamplePipeline> _pipelines;
    private readonly RingOptions _options;
    private readonly int _rowBytes;
    private readonly Batch[] _slots;
    private readonly long[] _openFor;    // batch number a slot may be filled for
    private readonly object _gate = new();
    private readonly Thread[] _threads;
    private readonly HashSet<int> _reported = [];
    private long _ticket, _next, _replaced;
    private Exception? _failure;
    private bool _stop;
    private ISamplePipeline? _own;       // without workers: the consumer's
    private byte[] _ownBuffer = [];

    public RingLoader(ISampleSource source, IBatchPlan plan, Func<ISamplePipeline> pipelines, RingOptions options, Func<long, IBatchMemory>? memory = null)
    {
        (_source, _plan, _pipelines, _options) = (source, plan, pipelines, options);
        _rowBytes = 3 * options.Size * options.Size;
        memory ??= bytes => new NativeBatchMemory(bytes);
        _slots = [.. Enumerable.Range(0, options.Slots).Select(_ => new Batch
        {
            Memory = memory((long)options.Rows * _rowBytes), Info = new RowInfo[options.Rows], Errors = new Exception?[options.Rows], Release = ReturnSlot,
        })];
        _openFor = new long[options.Slots];
        _next = plan.First;
        _ticket = plan.First * options.Rows - 1;
        for (long b = plan.First; b < plan.First + options.Slots; b++) Prepare(b);
        _threads = [.. Enumerable.Range(0, options.Workers).Select(i => new Thread(Work) { IsBackground = true, Name = $"data {i}" })];
        foreach (var thread in _threads) thread.Start();
    }

    /// <summary>Samples replaced in the batches taken so far.</summary>
    public long Replaced => _replaced;

    /// <summary>The next batch in order, or null at the end. Blocks until it is complete.</summary>
    public Batch? Take(CancellationToken cancellation = default)
    {
        if (_next >= _plan.End) return null;
        var slot = _slots[_next % _slots.Length];
        using var registration = cancellation.Register(() => { lock (_gate) Monitor.PulseAll(_gate); });
        lock (_gate)
        {
            while (slot.Number != _next || slot.Open > 0 && _threads.Length > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                ObjectDisposedException.ThrowIf(_stop, this);
                if (_failure != null) throw new InvalidOperationException(_failure.Message, _failure);
                Monitor.Wait(_gate);
            }
        }
        if (_threads.Length == 0) FillHere(slot, cancellation);
        _next++;
        if (slot.Refusals is not null) Report(slot);
        // The first row's error, whichever thread met one first: runs stay reproducible.
        if (Array.Find(slot.Errors, e => e != null) is { } error) throw error;
        return slot;
    }

    // When its batch is taken, in the order of rows, not when a worker meets it: what a run says and where it stops do not depend on the workers.
    private void Report(Batch slot)
    {
        foreach (var (_, _, bad) in slot.Refusals!.OrderBy(r => r.Row).ThenBy(r => r.Attempt))
        {
            _replaced++;
            if (!_reported.Add(bad.Index)) continue;
            _options.Refused?.Invoke(bad);
            if (_reported.Count > _options.MaxBadFiles)
                throw new RefusedException($"{_reported.Count} files cannot be decoded, more than the {_options.MaxBadFiles} allowed of {_source.Count}; the last one: {bad.Path}: {bad.Reason}");
        }
        slot.Refusals = null;
    }

    private void Prepare(long batch)
    {
        int index = (int)(batch % _slots.Length);
        var slot = _slots[index];
        slot.Number = batch;
        slot.Rows = slot.Open = batch < _plan.End ? _plan.Rows(batch) : 0;
        Array.Clear(slot.Errors);
        Volatile.Write(ref _openFor[index], batch);
    }

    private void ReturnSlot(Batch batch)
    {
        lock (_gate)
        {
            Prepare(batch.Number + _slots.Length);
            Monitor.PulseAll(_gate);
        }
    }

    private void FillHere(Batch slot, CancellationToken cancellation)
    {
        _own ??= _pipelines();
        for (int row = slot.Rows - slot.Open; row < slot.Rows; row++, slot.Open--)
        {
            cancellation.ThrowIfCancellationRequested();
            Fill(slot, row, _plan.Sample(slot.Number, row), _own, ref _ownBuffer);
        }
    }

    private void Work()
    {
        try
        {
            using var pipeline = _pipelines();
            byte[] buffer = GC.AllocateUninitializedArray<byte>(1 << 20, pinned: true);
            while (true)
            {
                long ticket = Interlocked.Increment(ref _ticket), batch = ticket / _options.Rows;
                int row = (int)(ticket % _options.Rows), index = (int)(batch % _slots.Length);
                if (batch >= _plan.End) return;
                if (row >= _plan.Rows(batch)) continue;
                if (Volatile.Read(ref _openFor[index]) != batch)
                {
                    lock (_gate)
                    {
                        while (_openFor[index] != batch && !_stop) Monitor.Wait(_gate);
                    }
                }
                if (Volatile.Read(ref _stop)) return;
                var slot = _slots[index];
                Fill(slot, row, _plan.Sample(batch, row), pipeline, ref buffer);
                if (Interlocked.Decrement(ref slot.Open) > 0) continue;
                lock (_gate) Monitor.PulseAll(_gate);
            }
        }
        catch (Exception e)
        {
            // Not a bad sample but a defect or a lost library: stop the run.
            lock (_gate)
            {
                _failure ??= e;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private void Fill(Batch slot, int row, SampleKey key, ISamplePipeline pipeline, ref byte[] buffer)
    {
        byte* target = (byte*)slot.Memory.Pixels + (long)row * _rowBytes;
        var wanted = key;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                int length = Read(key.Index, ref buffer);
                slot.Info[row].Reset(key, _source.Label(key.Index));
                pipeline.Run(buffer.AsSpan(0, length), key, target, ref slot.Info[row]);
                return;
            }
            catch (Exception e) when (e is ImageDecodeException or IOException or UnauthorizedAccessException)
            {
                if (_options.OnBadSample == BadSamplePolicy.Fail || attempt > 10)
                {
                    slot.Errors[row] = new RefusedException($"cannot decode {_source.Name(key.Index)} (sample {key.Index}, epoch {key.Epoch}): {e.Message}", e);
                    return;
                }
                if (slot.Refusals is null) Interlocked.CompareExchange(ref slot.Refusals, [], null);
                slot.Refusals.Enqueue((row, attempt, new RefusedSample(_source.Name(key.Index), e.Message, key.Index, wanted.Epoch, slot.Number)));
                key = wanted with { Index = BadFiles.Substitute(_options.Seed, wanted.Index, attempt, _source.Count) };
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"a data worker failed at {_source.Name(key.Index)} (sample {key.Index}, epoch {key.Epoch}): {e.Message}", e);
            }
        }
    }

    // Only reading is retried: a decoding error does not go away.
    private int Read(int index, ref byte[] buffer)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return _source.Read(index, ref buffer);
            }
            catch (IOException e) when (attempt < _options.ReadAttempts && e is not (FileNotFoundException or DirectoryNotFoundException))
            {
                Thread.Sleep(100 << attempt);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _stop = true;
            Monitor.PulseAll(_gate);
        }
        foreach (var thread in _threads) thread.Join();
        _own?.Dispose();
        foreach (var slot in _slots) slot.Memory.Dispose();
    }
}
