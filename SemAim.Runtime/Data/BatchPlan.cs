namespace SemAim.Runtime.Data;

/// <summary>The sample a batch row holds; also the key of its random numbers.</summary>
internal readonly record struct SampleKey(long Epoch, int Index);

/// <summary>Which sample goes into which row of which batch of this rank. Thread-safe.</summary>
internal interface IBatchPlan
{
    /// <summary>First batch to produce, and the number after the last one.</summary>
    long First { get; }

    long End { get; }

    int Rows(long batch);

    SampleKey Sample(long batch, int row);
}

/// <summary>
/// Shuffled epochs of whole optimiser steps; the rest of an epoch is dropped. An optimiser step takes the next
/// rows * world * accumulation samples of the epoch's order, whatever the three factors are. Micro-batch
/// m = batch * world + rank takes the samples order[m * rows ..]: with the same rows per rank every micro-batch holds the same
/// samples in the same rows for any world size.
/// </summary>
internal sealed class TrainingPlan : IBatchPlan
{
    private readonly int _count, _rows, _rank, _world;
    private readonly ulong _seed;
    private readonly Lock _lock = new();
    private (long Epoch, int[] Order) _current = (-1, []), _next = (-1, []);

    /// <summary>Batches of one rank.</summary>
    public long BatchesPerEpoch { get; }

    public long First { get; }

    public long End { get; }

    /// <param name="consumed">Global samples consumed since the start of the run: the resume position.</param>
    public TrainingPlan(int count, int rows, int rank, int world, ulong seed, int epochs, int accumulation = 1, long consumed = 0)
    {
        (_count, _rows, _rank, _world, _seed) = (count, rows, rank, world, seed);
        long step = (long)rows * world * accumulation, steps = count / step, perEpoch = steps * step;
        if (steps == 0) throw new ArgumentException($"{count} samples do not fill one step of {step}");
        if (consumed % step != 0) throw new ArgumentException($"resume position {consumed} is no multiple of the {step} samples of a step");
        BatchesPerEpoch = steps * accumulation;
        First = consumed / perEpoch * BatchesPerEpoch + consumed % perEpoch / ((long)rows * world);
        End = BatchesPerEpoch * epochs;
    }

    /// <summary>Epoch and global micro-batch number: the key of Mixup, CutMix and the erasing noise.</summary>
    public (long Epoch, long MicroBatch) Key(long batch) => (batch / BatchesPerEpoch, batch % BatchesPerEpoch * _world + _rank);

    public int Rows(long batch) => _rows;

    public SampleKey Sample(long batch, int row)
    {
        var (epoch, micro) = Key(batch);
        return new SampleKey(epoch, Order(epoch)[micro * _rows + row]);
    }

    // Workers are at most a few batches apart, so two epochs are enough; computed once, by the first to need it.
    private int[] Order(long epoch)
    {
        lock (_lock)
        {
            if (_current.Epoch == epoch) return _current.Order;
            if (_next.Epoch != epoch)
            {
                if (_next.Epoch >= 0) _current = _next;
                _next = (epoch, Permutation.Create(_count, _seed, (ulong)epoch));
            }
            return _next.Order;
        }
    }
}

/// <summary>Every sample once, without padding: rank r takes r, r + world, ...; the last batch is short.</summary>
internal sealed class EvaluationPlan(int count, int rows, int rank, int world) : IBatchPlan
{
    private readonly int _own = (count - rank + world - 1) / world;

    public long First => 0;

    public long End => (_own + rows - 1) / rows;

    public int Rows(long batch) => (int)Math.Min(rows, _own - batch * rows);

    public SampleKey Sample(long batch, int row) => new(0, (int)((batch * rows + row) * world + rank));
}
