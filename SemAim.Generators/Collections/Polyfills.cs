namespace System.Runtime.CompilerServices
{
    /// <summary>Lets records and init-only properties compile for netstandard2.0.</summary>
    internal static class IsExternalInit;
}

namespace System
{
    /// <summary>Lets list patterns and <c>^1</c> compile for netstandard2.0.</summary>
    internal readonly struct Index(int value, bool fromEnd = false)
    {
        public int GetOffset(int length) => fromEnd ? length - value : value;
    }

    /// <summary>Lets ranges compile for netstandard2.0.</summary>
    internal readonly struct Range(Index start, Index end)
    {
        public Index Start => start;

        public Index End => end;
    }
}
