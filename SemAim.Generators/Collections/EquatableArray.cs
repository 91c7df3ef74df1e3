using System;
using System.Collections;
using System.Collections.Generic;

namespace SemAim.Generators.Collections;

/// <summary>An immutable list that is equal to another with equal elements, so that incremental steps can compare what holds it.</summary>
public readonly struct EquatableArray<T>(T[] items) : IEquatable<EquatableArray<T>>, IReadOnlyList<T>
{
    private readonly T[]? items = items;

    /// <summary>Number of elements.</summary>
    public int Count => items?.Length ?? 0;

    /// <summary>The element at <paramref name="index"/>.</summary>
    public T this[int index] => items![index];

    /// <inheritdoc />
    public bool Equals(EquatableArray<T> other)
    {
        if (Count != other.Count) return false;
        for (var i = 0; i < Count; i++)
            if (!EqualityComparer<T>.Default.Equals(this[i], other[i])) return false;
        return true;
    }

    /// <inheritdoc />
    public override bool Equals(object? other) => other is EquatableArray<T> array && Equals(array);

    /// <inheritdoc />
    public override int GetHashCode()
    {
        var hash = 17;
        for (var i = 0; i < Count; i++) hash = unchecked(hash * 31 + (this[i]?.GetHashCode() ?? 0));
        return hash;
    }

    /// <inheritdoc />
    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)(items ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Makes equatable arrays.</summary>
public static class EquatableArray
{
    /// <summary>Copies a sequence.</summary>
    public static EquatableArray<T> ToEquatable<T>(this IEnumerable<T> items) => new([.. items]);
}
