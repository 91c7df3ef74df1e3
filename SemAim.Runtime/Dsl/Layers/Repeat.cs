using System.Collections;

namespace SemAim.Dsl;

/// <summary>Copies of one module with equal sizes; keys are 0, 1, 2 …</summary>
public sealed class Repeat<T> : GraphModule, IReadOnlyList<T> where T : GraphModule
{
    private readonly T[] copies;

    /// <summary>Makes the copies; sizes must not depend on the index, rates may.</summary>
    /// <exception cref="ArgumentException">fewer than 0</exception>
    public Repeat(int count, Func<int, T> make)
        => copies = count >= 0 ? [.. Enumerable.Range(0, count).Select(make)] : throw new ArgumentException($"a Repeat of {typeof(T).Name} has {count} copies", nameof(count));

    /// <summary>One copy.</summary>
    public T this[int index] => copies[index];

    /// <summary>Number of copies.</summary>
    public int Count => copies.Length;

    /// <inheritdoc />
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)copies).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => copies.GetEnumerator();

    /// <inheritdoc />
    protected override void RegisterLayers()
    {
        for (var i = 0; i < copies.Length; i++) Register($"{i}", copies[i]);
    }
}
